/* SPDX-License-Identifier: Apache-2.0 */
#include "tun.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef IFLA_GSO_IPV4_MAX_SIZE
#define IFLA_GSO_IPV4_MAX_SIZE 63
#endif

/* So that the ESP packets of one super-packet fit one UDP_SEGMENT call (64 KiB). */
enum { GSO_MAX = 60000 };

static bool
fail(char *why, size_t size, const char *what)
{
	snprintf(why, size, "%s: %s", what, strerror(errno));
	return false;
}

/* <net/if.h>, which has if_nametoindex, cannot stand beside the kernel's headers. */
static unsigned
index_of(const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { 0 };
	unsigned index = 0;

	if (fd < 0)
		return 0;
	memcpy(r.ifr_name, name, strnlen(name, sizeof r.ifr_name - 1));
	if (ioctl(fd, SIOCGIFINDEX, &r) == 0)
		index = (unsigned)r.ifr_ifindex;
	close(fd);
	return index;
}

/* One queue. With @virtio it carries virtio headers. -1, errno set, when refused. */
static int
open_queue(struct tun *t, bool multi, bool virtio)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq r = { 0 };

	if (fd < 0)
		return -1;
	memcpy(r.ifr_name, t->name, sizeof t->name);
	r.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | (virtio ? IFF_VNET_HDR : 0) | (multi ? IFF_MULTI_QUEUE : 0));
	if (ioctl(fd, TUNSETIFF, &r) < 0) {
		int e = errno;

		close(fd);
		errno = e;
		return -1;
	}
	memcpy(t->name, r.ifr_name, sizeof t->name);
	return fd;
}

/* Super-packets only as far as the kernel goes; checksums alone are no use without them. */
static void
offload(struct tun *t, int fd)
{
	unsigned tso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

	t->uso = ioctl(fd, TUNSETOFFLOAD, tso | TUN_F_USO4 | TUN_F_USO6) == 0;
	t->tso = t->uso || ioctl(fd, TUNSETOFFLOAD, tso) == 0;
}

static bool
open_queues(struct tun *t, int *fd, unsigned n, bool virtio, char *why, size_t size)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		fd[i] = open_queue(t, n > 1, virtio);
		if (fd[i] < 0 && i == 0 && virtio && errno == EINVAL) {
			virtio = false;
			fd[i] = open_queue(t, n > 1, virtio);
		}
		if (fd[i] < 0)
			break;
	}
	t->vnet_hdr = virtio;
	if (i == n)
		return true;
	if (i == 0 && errno == ENOENT)
		fail(why, size, "/dev/net/tun (is the kernel module tun loaded?)");
	else if (i == 0 && errno == EBUSY)
		fail(why, size, "the TUN device is in use by another program; choose another name");
	else
		fail(why, size, "cannot open the TUN device (root or CAP_NET_ADMIN is needed)");
	while (i-- > 0)
		close(fd[i]);
	return false;
}

static int
request(struct nlmsghdr *h)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char buf[8192];
	ssize_t n = -1;

	if (!nl)
		return -1;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 && mnl_socket_sendto(nl, h, h->nlmsg_len) >= 0)
		n = mnl_socket_recvfrom(nl, buf, sizeof buf);
	if (n > 0)
		n = mnl_cb_run(buf, (size_t)n, h->nlmsg_seq, mnl_socket_get_portid(nl), NULL, NULL);
	mnl_socket_close(nl);
	return n < 0 ? -1 : 0;
}

static struct nlmsghdr *
set_link(char *buf, unsigned ifindex)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *i;

	h->nlmsg_type = RTM_NEWLINK;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	h->nlmsg_seq = 1;
	i = mnl_nlmsg_put_extra_header(h, sizeof *i);
	i->ifi_index = (int)ifindex;
	return h;
}

static bool
set_number(unsigned ifindex, uint16_t attribute, uint32_t value)
{
	char buf[256];
	struct nlmsghdr *h = set_link(buf, ifindex);

	mnl_attr_put_u32(h, attribute, value);
	return request(h) == 0;
}

/* A tunnel has no link to speak link-local protocols on: no router solicitations, no MLD. */
static void
no_link_local(unsigned ifindex)
{
	char buf[256];
	struct nlmsghdr *h = set_link(buf, ifindex);
	struct nlattr *spec = mnl_attr_nest_start(h, IFLA_AF_SPEC), *inet6 = mnl_attr_nest_start(h, AF_INET6);

	mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(h, inet6);
	mnl_attr_nest_end(h, spec);
	request(h);
}

static bool
bring_up(unsigned ifindex)
{
	char buf[256];
	struct nlmsghdr *h = set_link(buf, ifindex);
	struct ifinfomsg *i = mnl_nlmsg_get_payload(h);

	i->ifi_flags = i->ifi_change = IFF_UP;
	return request(h) == 0;
}

static bool
configure(struct tun *t, bool made, unsigned mtu, char *why, size_t size)
{
	if (made && !set_number(t->ifindex, IFLA_MTU, mtu))
		return fail(why, size, "cannot set the MTU of the TUN device");
	if (made)
		no_link_local(t->ifindex);
	/* Only speed hangs on these two: old kernels know neither. */
	set_number(t->ifindex, IFLA_GSO_MAX_SIZE, GSO_MAX);
	set_number(t->ifindex, IFLA_GSO_IPV4_MAX_SIZE, GSO_MAX);
	return bring_up(t->ifindex) || fail(why, size, "cannot bring the TUN device up");
}

bool
tun_open(struct tun *t, int *fd, unsigned n, const char *name, unsigned mtu, bool with_offload, char *why, size_t why_size)
{
	bool made = index_of(name) == 0;

	*t = (struct tun) { 0 };
	if (strlen(name) >= sizeof t->name) {
		snprintf(why, why_size, "\"%s\" is too long for an interface name: at most %zu characters", name,
		         sizeof t->name - 1);
		return false;
	}
	memcpy(t->name, name, strlen(name));
	if (!open_queues(t, fd, n, with_offload, why, why_size))
		return false;
	t->ifindex = index_of(t->name);
	if (t->vnet_hdr)
		offload(t, fd[0]);
	if (configure(t, made, mtu, why, why_size))
		return true;
	for (unsigned i = 0; i < n; i++)
		close(fd[i]);
	return false;
}
