/* What the tool, unlike the library, reads from the environment: proxies. */
#include "siocat.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *set_variable(const char *name) {
    const char *value = getenv(name);
    return value && value[0] != '\0' ? value : NULL;
}

static const char *either(const char *lower, const char *upper) {
    const char *value = set_variable(lower);
    return value ? value : set_variable(upper);
}

static bool is_encrypted(const char *url) {
    return strncasecmp(url, "https:", 6) == 0 || strncasecmp(url, "wss:", 4) == 0;
}

/* HTTP_PROXY in capitals is not read: in a CGI program that is a request's header. */
void siocat_environment_proxy(struct siocat_settings *set) {
    sio_client_network *network = &set->network;
    const char *proxy =
        is_encrypted(set->url) ? either("https_proxy", "HTTPS_PROXY") : set_variable("http_proxy");
    if (!proxy) {
        proxy = either("all_proxy", "ALL_PROXY");
    }
    if (!network->no_proxy) {
        network->no_proxy = either("no_proxy", "NO_PROXY");
    }
    if (!network->proxy && !network->unix_path) {
        network->proxy = proxy;
    } else if (network->proxy && network->proxy[0] == '\0') {
        network->proxy = NULL; /* --proxy "" */
    }
    /* As elsewhere, a proxy without a scheme speaks HTTP. */
    if (network->proxy && !strstr(network->proxy, "://")) {
        size_t len = strlen(network->proxy);
        set->proxy = malloc(len + sizeof("http://"));
        if (set->proxy) {
            memcpy(set->proxy, "http://", 7);
            memcpy(set->proxy + 7, network->proxy, len + 1);
            network->proxy = set->proxy;
        }
    }
}
