#pragma once
#include <ldap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

// Binds with a name and a password; an LDAP result.
static inline int pointsman_ldap_bind(LDAP *connection, const char *name, const char *password) {
    struct berval secret = {strlen(password), (char *)password};
    return ldap_sasl_bind_s(connection, name, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL);
}

// A connection that has not been used yet, with limits of time; an LDAP result.
static inline int pointsman_ldap_open(const char *url, int starttls, long milliseconds, LDAP **connection) {
    int result = ldap_initialize(connection, url);
    if (result != LDAP_SUCCESS) return result;
    int version = LDAP_VERSION3;
    struct timeval limit = {milliseconds / 1000, milliseconds % 1000 * 1000};
    ldap_set_option(*connection, LDAP_OPT_PROTOCOL_VERSION, &version);
    ldap_set_option(*connection, LDAP_OPT_NETWORK_TIMEOUT, &limit);
    ldap_set_option(*connection, LDAP_OPT_TIMEOUT, &limit);
    ldap_set_option(*connection, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
    return starttls ? ldap_start_tls_s(*connection, NULL, NULL) : LDAP_SUCCESS;
}

// The name of the only entry that a filter finds, to be freed with ldap_memfree, and how many it finds; an LDAP result.
static inline int pointsman_ldap_find(
    LDAP *connection, const char *base, const char *filter, char **name, int *count) {
    char *attributes[] = {LDAP_NO_ATTRS, NULL};
    LDAPMessage *found = NULL;
    int result = ldap_search_ext_s(
        connection, base, LDAP_SCOPE_SUBTREE, filter, attributes, 0, NULL, NULL, NULL, 2, &found);
    if (result == LDAP_SIZELIMIT_EXCEEDED) result = LDAP_SUCCESS;
    *count = found ? ldap_count_entries(connection, found) : 0;
    *name = NULL;
    if (result == LDAP_SUCCESS && *count == 1) {
        LDAPMessage *entry = ldap_first_entry(connection, found);
        if (entry) *name = ldap_get_dn(connection, entry);
    }
    if (found) ldap_msgfree(found);
    return result;
}

static inline void pointsman_ldap_close(LDAP *connection) {
    if (connection) ldap_unbind_ext_s(connection, NULL, NULL);
}
