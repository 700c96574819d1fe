/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_road.h"

#include <stdlib.h>

static void
set_text(char **out, const struct conf_key *k, struct conf_errors *errs)
{
	const char *text = conf_text(k, errs);

	if (!text)
		return;
	free(*out);
	*out = *text ? conf_copy(text, k, errs) : NULL;
}

/* dns1 is the attribute dns. */
static void
add_server(struct road_settings *s, const struct conf_key *k, const char *name, struct conf_errors *errs)
{
	struct conf_key named = *k;

	named.name = name;
	attribute_list_read(&s->attributes, &named, errs);
}

/* strongSwan's resolve plugin, when charon.load names it, writes to the system's own file. */
static void
read_load(struct road_settings *s, const struct conf_key *k, struct conf_errors *errs)
{
	static const char name[] = "resolve";
	const char *p = k->value;

	for (size_t n; p && *(p += strspn(p, " \t\n")); p += n) {
		n = strcspn(p, " \t\n");
		if (!s->resolv_conf && n == sizeof name - 1 && !memcmp(p, name, n))
			set_text(&s->resolv_conf,
			         &(struct conf_key) { .name = k->name, .where = k->where, .value = "/etc/resolv.conf" }, errs);
	}
}

bool
road_settings_charon(struct road_settings *s, const struct conf_key *k, struct conf_errors *errs)
{
	bool install;

	if (!strcmp(k->name, "load")) {
		read_load(s, k, errs);
		return false; /* there are no plugins besides */
	}
	if (!strcmp(k->name, "dns1") || !strcmp(k->name, "dns2"))
		add_server(s, k, "dns", errs);
	else if (!strcmp(k->name, "nbns1") || !strcmp(k->name, "nbns2"))
		add_server(s, k, "nbns", errs);
	else if (!strcmp(k->name, "install_virtual_ip_on"))
		set_text(&s->vip_interface, k, errs);
	else if (!strcmp(k->name, "install_virtual_ip")) {
		if (conf_bool(&install, k, errs))
			s->no_virtual_ip = !install;
	} else
		return false;
	return true;
}

static bool
is_loaded(const struct conf_section *p, struct conf_errors *errs)
{
	const struct conf_key *k = conf_key_find(p, "load");
	bool load = true;

	/* A number is a priority among plugins. */
	return !k || !k->value || strspn(k->value, "0123456789") == strlen(k->value) || !conf_bool(&load, k, errs) || load;
}

bool
road_settings_plugin(struct road_settings *s, const struct conf_section *p, bool *unity, struct conf_errors *errs)
{
	bool attr = !strcmp(p->name, "attr"), resolve = !strcmp(p->name, "resolve");

	if (!strcmp(p->name, "unity")) {
		*unity = is_loaded(p, errs);
		return true;
	}
	if (!strcmp(p->name, "eap-radius") && !is_loaded(p, errs))
		return true;
	if (!attr && !resolve)
		return radius_settings_plugin(&s->radius, p, errs);
	if (!is_loaded(p, errs))
		return true;
	for (const struct conf_key *k = p->keys; k; k = k->next) {
		if (!strcmp(k->name, "load"))
			continue;
		if (attr)
			attribute_list_read(&s->attributes, k, errs);
		else if (!strcmp(k->name, "file"))
			set_text(&s->resolv_conf, k, errs);
	}
	return true;
}

void
road_settings_free(struct road_settings *s)
{
	free(s->vip_interface);
	free(s->resolv_conf);
	attribute_list_free(&s->attributes);
	radius_settings_free(&s->radius);
	*s = (struct road_settings) { 0 };
}
