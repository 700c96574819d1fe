#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The core is pure: no library of layers 0 to 5 refers to anything by which it could reach a socket, a file, a clock,
# a process or the kernel's random numbers. Arguments: the libraries. TAP on standard output.
set -u
forbidden='socket|bind|connect|listen|accept4?|send|sendto|sendmsg|sendmmsg|recv|recvfrom|recvmsg|recvmmsg|shutdown|setsockopt|getsockopt'
forbidden+='|open|open64|openat|openat64|creat|close|read|write|pread|pwrite|readv|writev|ioctl|fcntl|fcntl64|pipe2?|dup[23]?|poll|ppoll|select|epoll_[a-z]+|eventfd'
forbidden+='|fopen|fopen64|fdopen|fread|fwrite|fgets|fputs|fputc|putc|puts|putchar|printf|vprintf|fprintf|vfprintf|__printf_chk|__fprintf_chk|__vfprintf_chk|perror|stdout|stderr|stdin'
forbidden+='|time|clock|clock_gettime|gettimeofday|timespec_get|nanosleep|usleep|sleep|alarm|timer_(create|settime|gettime|delete|getoverrun)|localtime(_r)?'
forbidden+='|getrandom|getentropy|rand|random|srand|srandom|drand48|arc4random[a-z_]*|RAND_[a-z_]+'
forbidden+='|fork|vfork|exec[vl]p?e?|system|popen|posix_spawn|kill|raise|signal|sigaction|getenv|secure_getenv|setenv|getaddrinfo|gethostbyname|getservbyname|dlopen'

n=0 failed=0
for lib in "$@"; do
    n=$((n + 1))
    found=$(nm -u "$lib" 2>/dev/null | awk '{ print $NF }' | sort -u | grep -xE "$forbidden" | tr '\n' ' ')
    # A library without undefined symbols would mean that nm read nothing: even base/ calls malloc.
    if [ "$(nm "$lib" 2>/dev/null | wc -l)" -eq 0 ]; then
        echo "not ok $n - $(basename "$lib"): nm reads nothing from it"
        failed=1
    elif [ -n "$found" ]; then
        echo "not ok $n - $(basename "$lib") refers to: $found"
        failed=1
    else
        echo "ok $n - $(basename "$lib")"
    fi
done

# The test itself must be able to fail.
n=$((n + 1))
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
echo 'int socket(int, int, int); int probe(void); int probe(void) { return socket(1, 2, 3); }' >"$dir/probe.c"
cc -c -o "$dir/probe.o" "$dir/probe.c"
if nm -u "$dir/probe.o" | awk '{ print $NF }' | grep -qxE "$forbidden"; then
    echo "ok $n - a call of socket() is found"
else
    echo "not ok $n - a call of socket() is not found"
    failed=1
fi
echo "1..$n"
exit $failed
