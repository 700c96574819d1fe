/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { REDIRECTS_MAX = 3, CONNECT_SECONDS_MAX = 5 };

bool
fetch_open(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

void
fetch_close(void)
{
	curl_global_cleanup();
}

void
fetched_clear(struct fetched *f)
{
	free(f->p);
	*f = (struct fetched) { 0 };
}

/* What is coming in. */
struct transfer {
	struct fetched *out;
	size_t max;
	const _Atomic bool *stop;
};

static size_t
take(char *p, size_t size, size_t n, void *context)
{
	struct transfer *t = context;
	uint8_t *more;

	n *= size;
	if (n > t->max - t->out->n)
		return 0;
	more = realloc(t->out->p, t->out->n + n + 1);
	if (!more)
		return 0;
	memcpy(more + t->out->n, p, n);
	t->out->p = more;
	t->out->n += n;
	return n;
}

static int
go_on(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct transfer *t = context;

	(void)a, (void)b, (void)c, (void)d;
	return t->stop && *t->stop;
}

static void
set_limits(CURL *c, struct transfer *t, char *error)
{
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS_MAX);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)FETCH_SECONDS_MAX);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "sallyport");
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, go_on);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
}

static struct curl_slist *
set_post(CURL *c, struct span post)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/ocsp-request");

	curl_easy_setopt(c, CURLOPT_POST, 1L);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, post.p);
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)post.n);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	return headers;
}

static bool
is_ldap(const char *uri)
{
	return !strncasecmp(uri, "ldap", 4);
}

/* RFC 4516 section 2.1 wants the spaces of a name as %20; certificates and operators write "cn=Root CA, o=Example". */
static char *
spaces_encoded(const char *uri)
{
	char *out = malloc(3 * strlen(uri) + 1), *to = out;

	if (!out)
		return NULL;
	for (; *uri; uri++) {
		if (*uri == ' ')
			to = stpcpy(to, "%20");
		else
			*to++ = *uri;
	}
	*to = '\0';
	return out;
}

bool
fetch(void *context, struct fetched *out, const char *uri, struct span post, size_t max, char why[FETCH_WHY_MAX])
{
	struct transfer t = { .out = out, .max = max, .stop = context };
	char error[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	CURL *c = curl_easy_init();
	CURLcode code = CURLE_FAILED_INIT;
	char *url = spaces_encoded(uri);

	*out = (struct fetched) { 0 };
	if (c && url && curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https,ldap,ldaps,file") == CURLE_OK) {
		set_limits(c, &t, error);
		headers = post.n ? set_post(c, post) : NULL;
		code = curl_easy_perform(c);
	}
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	free(url);
	if (code == CURLE_WRITE_ERROR)
		snprintf(why, FETCH_WHY_MAX, "it is larger than %zu octets, or memory is out", max);
	else if (code != CURLE_OK)
		snprintf(why, FETCH_WHY_MAX, "%s", error[0] ? error : curl_easy_strerror(code));
	else if (!out->n)
		snprintf(why, FETCH_WHY_MAX, "nothing came");
	else if (is_ldap(uri) && !fetch_ldap_value(out))
		snprintf(why, FETCH_WHY_MAX, "the entry of the directory has no binary attribute");
	else
		return true;
	fetched_clear(out);
	return false;
}
