# SPDX-License-Identifier: Apache-2.0
"""`without.py FEATURE COMMAND...` runs a command on a kernel that seems to lack a feature: seccomp refuses the calls that ask
for it, as a kernel does that does not know them."""
import ctypes
import errno
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, ERRNO = 0x7fff0000, 0x00050000
LOAD_WORD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
BPF, IO_URING_SETUP, SETSOCKOPT, IOCTL = {"x86_64": (321, 425, 54, 16), "aarch64": (280, 425, 208, 29)}[os.uname().machine]
SOL_UDP, UDP_SEGMENT, UDP_GRO, TUNSETOFFLOAD, USO = 17, 103, 104, 0x400454d0, 0x60

# The call, the error, and what its arguments (by number) must be, or have bits of.
FEATURES = {
    "io_uring": (IO_URING_SETUP, errno.ENOSYS, {}),
    "ebpf": (BPF, errno.EPERM, {}),
    "gso": (SETSOCKOPT, errno.ENOPROTOOPT, {1: (EQUAL, SOL_UDP), 2: (EQUAL, UDP_SEGMENT)}),
    "gro": (SETSOCKOPT, errno.ENOPROTOOPT, {1: (EQUAL, SOL_UDP), 2: (EQUAL, UDP_GRO)}),
    "uso": (IOCTL, errno.EINVAL, {1: (EQUAL, TUNSETOFFLOAD), 2: (ANY_BIT, USO)}),
    "offload": (IOCTL, errno.EINVAL, {1: (EQUAL, TUNSETOFFLOAD)}),
}


def program(call, error, arguments):
    """Each test falls through where it holds, else jumps to the last instruction, which allows."""
    tests = [(0, EQUAL, call)] + [(16 + 8 * i, op, value) for i, (op, value) in arguments.items()]
    out = []
    for n, (offset, op, value) in enumerate(tests):
        to_allow = 2 * (len(tests) - n - 1) + 1
        out += [(LOAD_WORD, 0, 0, offset), (op, 0, to_allow, value)]
    return out + [(RETURN, 0, 0, ERRNO | error), (RETURN, 0, 0, ALLOW)]


def refuse(feature):
    code = b"".join(struct.pack("HBBI", *i) for i in program(*FEATURES[feature]))
    held = ctypes.create_string_buffer(code, len(code))
    fprog = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, fprog, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


if __name__ == "__main__":
    refuse(sys.argv[1])
    os.execv(sys.argv[2], sys.argv[2:])
