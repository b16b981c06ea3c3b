/* The command line. */
#include "siocat.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SECONDS = 86400 * 365, MAX_PINGS = 1000000, AUTH_MAX = 1 << 20 };

static const char help[] =
    "usage: siocat [OPTION]... URL [listen]\n"
    "       siocat [OPTION]... URL emit EVENT [ARG]...\n"
    "       siocat [OPTION]... URL emit             (events from standard input)\n"
    "\n"
    "Connects to a Socket.IO server and prints the events it sends, or sends events.\n"
    "The URL's path is the namespace. ARG is JSON, or else text; @FILE is a file as\n"
    "binary, @@TEXT is the text @TEXT. On standard input each line is a JSON array:\n"
    "the event's name, then its arguments; {\"@file\": \"PATH\"} and\n"
    "{\"@base64\": \"...\"} stand for binary.\n"
    "\n"
    "What is done\n"
    "  -n, --namespace NAME     the namespace, instead of the URL's path\n"
    "  -a, --ack                ask for acknowledgements, wait for them and print them\n"
    "  -t, --timeout SECONDS    of each acknowledgement and round trip (10)\n"
    "  -l, --listen             go on printing events when everything was sent\n"
    "  -c, --count N            end after N events were printed\n"
    "  -o, --on EVENT           print this event only; can be given several times\n"
    "  -j, --json               print JSON lines\n"
    "  -i, --input FILE         read events from a file instead of standard input\n"
    "      --max-line BYTES     refuse longer lines (16777216)\n"
    "      --window N           events under way at a time (64; with --ack 1)\n"
    "  -p, --ping[=N]           measure N round trips (10) of the event that emit\n"
    "                           names, or else of \"ping\"; acknowledgements answer\n"
    "      --echo EVENT         with --ping: this event answers\n"
    "      --interval SECONDS   with --ping: between two round trips (0)\n"
    "      --max-time SECONDS   end after so long\n"
    "      --reconnect          connect again when the connection is lost\n"
    "\n"
    "How the server is reached\n"
    "  -A, --auth JSON|@FILE    what is sent for authentication, a JSON object\n"
    "  -H, --header 'NAME: VALUE'\n"
    "  -q, --query 'A=B&C=D'    percent-encoded, added to that of the URL\n"
    "      --path PATH          of the server's end point (/socket.io)\n"
    "  -T, --transport polling|websocket|upgrade (upgrade)\n"
    "  -e, --eio 3|4            revision of Engine.IO (4); 3 for Socket.IO 2.x\n"
    "  -P, --parser default|msgpack\n"
    "      --connect-timeout SECONDS (20)\n"
    "      --cookies            keep the server's cookies\n"
    "      --no-compression     do not offer permessage-deflate\n"
    "      --unix PATH          connect to this Unix socket\n"
    "      --local-address IP   connect from this address\n"
    "  -x, --proxy URL          http://... or socks5://...; \"\" for none\n"
    "      --no-proxy LIST      hosts that are reached directly\n"
    "\n"
    "TLS\n"
    "      --ca-file FILE, --ca-dir FOLDER   who is trusted, instead of the system's\n"
    "      --cert FILE, --key FILE           certificate of the client, PEM\n"
    "      --pkcs12 FILE                     the same in one file\n"
    "      --passphrase-file FILE, --passphrase-env NAME   of the key\n"
    "      --server-name NAME                to verify instead of the URL's host\n"
    "      --pin BASE64[,BASE64]...          SHA-256 of acceptable public keys\n"
    "      --tls-min 1.2|1.3\n"
    "  -k, --insecure                        DANGEROUS: accept any certificate\n"
    "\n"
    "  -v, --verbose            show on standard error what goes over the wire\n"
    "      --quiet              no messages on standard error\n"
    "  -h, --help\n"
    "  -V, --version\n"
    "\n"
    "Environment: http_proxy, https_proxy, all_proxy, no_proxy; DEBUG chooses log\n"
    "lines, as in JavaScript programs: DEBUG=socket.io-client:*\n"
    "\n"
    "Exit status: 0 done, 1 usage, 2 could not connect, 3 refused by the server,\n"
    "4 acknowledgement missing, 5 disconnected, 6 bad input, 7 output closed,\n"
    "8 --max-time passed, 9 out of memory; 128 + N: ended by signal N.\n";

enum long_option {
    MAX_LINE = 256,
    WINDOW,
    ECHO_EVENT,
    INTERVAL,
    MAX_TIME,
    RECONNECT,
    PATH,
    CONNECT_TIMEOUT,
    COOKIES,
    NO_COMPRESSION,
    UNIX,
    LOCAL_ADDRESS,
    NO_PROXY,
    CA_FILE,
    CA_DIR,
    CERT,
    KEY,
    PKCS12,
    PASSPHRASE_FILE,
    PASSPHRASE_ENV,
    SERVER_NAME,
    PIN,
    TLS_MIN,
    QUIET,
};

static const char short_options[] = "n:at:lc:o:ji:p::A:H:q:T:e:P:x:kvhV";

static const struct option long_options[] = {
    {"namespace", required_argument, NULL, 'n'},
    {"ack", no_argument, NULL, 'a'},
    {"timeout", required_argument, NULL, 't'},
    {"listen", no_argument, NULL, 'l'},
    {"count", required_argument, NULL, 'c'},
    {"on", required_argument, NULL, 'o'},
    {"json", no_argument, NULL, 'j'},
    {"input", required_argument, NULL, 'i'},
    {"max-line", required_argument, NULL, MAX_LINE},
    {"window", required_argument, NULL, WINDOW},
    {"ping", optional_argument, NULL, 'p'},
    {"echo", required_argument, NULL, ECHO_EVENT},
    {"interval", required_argument, NULL, INTERVAL},
    {"max-time", required_argument, NULL, MAX_TIME},
    {"reconnect", no_argument, NULL, RECONNECT},
    {"auth", required_argument, NULL, 'A'},
    {"header", required_argument, NULL, 'H'},
    {"query", required_argument, NULL, 'q'},
    {"path", required_argument, NULL, PATH},
    {"transport", required_argument, NULL, 'T'},
    {"eio", required_argument, NULL, 'e'},
    {"parser", required_argument, NULL, 'P'},
    {"connect-timeout", required_argument, NULL, CONNECT_TIMEOUT},
    {"cookies", no_argument, NULL, COOKIES},
    {"no-compression", no_argument, NULL, NO_COMPRESSION},
    {"unix", required_argument, NULL, UNIX},
    {"local-address", required_argument, NULL, LOCAL_ADDRESS},
    {"proxy", required_argument, NULL, 'x'},
    {"no-proxy", required_argument, NULL, NO_PROXY},
    {"ca-file", required_argument, NULL, CA_FILE},
    {"ca-dir", required_argument, NULL, CA_DIR},
    {"cert", required_argument, NULL, CERT},
    {"key", required_argument, NULL, KEY},
    {"pkcs12", required_argument, NULL, PKCS12},
    {"passphrase-file", required_argument, NULL, PASSPHRASE_FILE},
    {"passphrase-env", required_argument, NULL, PASSPHRASE_ENV},
    {"server-name", required_argument, NULL, SERVER_NAME},
    {"pin", required_argument, NULL, PIN},
    {"tls-min", required_argument, NULL, TLS_MIN},
    {"insecure", no_argument, NULL, 'k'},
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, QUIET},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* ---- values ---- */

static int usage(const char *format, ...) SIO_PRINTF(1, 2);

static int usage(const char *format, ...) {
    va_list values;
    fputs("siocat: ", stderr);
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputs("\nTry 'siocat --help'.\n", stderr);
    return SIOCAT_USAGE;
}

static int read_number(uint64_t *out, const char *name, const char *text, uint64_t max) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 || value < 1 ||
        value > max) {
        return usage("--%s: a number from 1 to %llu", name, (unsigned long long)max);
    }
    *out = value;
    return -1;
}

static int read_small(uint32_t *out, const char *name, const char *text, uint32_t max) {
    uint64_t value = 0;
    int rc = read_number(&value, name, text, max);
    if (rc < 0) {
        *out = (uint32_t)value;
    }
    return rc;
}

static int read_seconds(uint64_t *out_ms, const char *name, const char *text, bool zero) {
    char *end;
    double value = strtod(text, &end);
    bool number = isdigit((unsigned char)text[0]) || text[0] == '.';
    if (!number || *end != '\0' || !(value <= MAX_SECONDS) || (!zero && value < 0.001)) {
        return usage("--%s: seconds, such as 2.5", name);
    }
    *out_ms = (uint64_t)(value * 1000.0 + 0.5);
    return -1;
}

static int read_short_time(uint32_t *out_ms, const char *name, const char *text) {
    uint64_t ms = 0;
    int rc = read_seconds(&ms, name, text, false);
    if (rc < 0) {
        *out_ms = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX - 1;
    }
    return rc;
}

static int read_text_file(char **out, const char *path, size_t max) {
    sio_buf text;
    sio_buf_init(&text, 0, NULL);
    int rc = siocat_file_read(&text, path, max, true);
    if (rc == 0) {
        rc = sio_buf_add_byte(&text, '\0');
    }
    if (rc != 0) {
        fprintf(stderr, "siocat: %s: %s\n", path,
                rc == SIO_ERR_INVALID ? strerror(errno) : sio_error_text(rc));
        sio_buf_free(&text);
        return SIOCAT_INPUT;
    }
    free(*out);
    *out = strdup((const char *)text.data);
    memset(text.data, 0, text.len);
    sio_buf_free(&text);
    return *out ? -1 : SIOCAT_INTERNAL;
}

static int read_auth(struct siocat_settings *set, const char *text) {
    int rc = -1;
    if (text[0] == '@') {
        rc = read_text_file(&set->auth, text + 1, AUTH_MAX);
    } else {
        free(set->auth);
        set->auth = strdup(text);
        rc = set->auth ? -1 : SIOCAT_INTERNAL;
    }
    if (rc < 0) {
        size_t start = strspn(set->auth, " \t\r\n");
        if (set->auth[start] != '{' || sio_json_validate(set->auth, strlen(set->auth), 0) != 0) {
            return usage("--auth: not a JSON object");
        }
        set->client.auth = set->auth;
    }
    return rc;
}

static int read_passphrase_file(struct siocat_settings *set, const char *path) {
    int rc = read_text_file(&set->passphrase, path, 4096);
    if (rc < 0) {
        set->passphrase[strcspn(set->passphrase, "\r\n")] = '\0';
        set->tls.key_passphrase = set->passphrase;
    }
    return rc;
}

static int read_passphrase_env(struct siocat_settings *set, const char *name) {
    set->tls.key_passphrase = getenv(name);
    return set->tls.key_passphrase ? -1 : usage("--passphrase-env: %s is not set", name);
}

static int add_header(struct siocat_settings *set, const char *text) {
    size_t count = set->client.header_count;
    const char *colon = strchr(text, ':');
    if (!colon || colon == text) {
        return usage("--header: 'NAME: VALUE'");
    }
    if (count == SIOCAT_MAX_HEADERS) {
        return usage("--header: too many");
    }
    char *copy = strdup(text);
    if (!copy) {
        return SIOCAT_INTERNAL;
    }
    copy[colon - text] = '\0';
    char *value = copy + (colon - text) + 1;
    set->header_text[count] = copy;
    set->headers[count] = (sio_client_header){copy, value + strspn(value, " \t")};
    set->client.header_count = count + 1;
    set->client.headers = set->headers;
    return -1;
}

static int add_query(struct siocat_settings *set, const char *text, size_t len) {
    size_t used = set->query ? strlen(set->query) : 0;
    char *grown = realloc(set->query, used + len + 2);
    if (!grown) {
        return SIOCAT_INTERNAL;
    }
    if (used > 0) {
        grown[used++] = '&';
    }
    memcpy(grown + used, text, len);
    grown[used + len] = '\0';
    set->query = grown;
    return -1;
}

static int add_filter(struct siocat_settings *set, const char *event) {
    if (set->filter_count == SIOCAT_MAX_FILTERS) {
        return usage("--on: too many");
    }
    set->filters[set->filter_count++] = event;
    return -1;
}

static int read_transport(struct siocat_settings *set, const char *text) {
    static const char *const names[] = {
        [SIO_CLIENT_UPGRADE] = "upgrade",
        [SIO_CLIENT_POLLING] = "polling",
        [SIO_CLIENT_WEBSOCKET] = "websocket",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            set->client.transports = (sio_client_transports)i;
            return -1;
        }
    }
    return usage("--transport: polling, websocket or upgrade");
}

static int read_eio(struct siocat_settings *set, const char *text) {
    if (strcmp(text, "3") != 0 && strcmp(text, "4") != 0) {
        return usage("--eio: 3 or 4");
    }
    set->client.eio_version = (uint32_t)(text[0] - '0');
    return -1;
}

static int read_parser(struct siocat_settings *set, const char *text) {
    bool msgpack = strcmp(text, "msgpack") == 0;
    if (!msgpack && strcmp(text, "default") != 0) {
        return usage("--parser: default or msgpack");
    }
    set->client.parser = msgpack ? SIO_PARSER_MSGPACK : SIO_PARSER_DEFAULT;
    return -1;
}

static int read_tls_version(struct siocat_settings *set, const char *text) {
    if (strcmp(text, "1.2") != 0 && strcmp(text, "1.3") != 0) {
        return usage("--tls-min: 1.2 or 1.3");
    }
    set->tls.min_version = text[2] == '3' ? 13 : 12;
    return -1;
}

static int print_and_end(const char *text) {
    return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? SIOCAT_OUTPUT : SIOCAT_OK;
}

/* ---- options ---- */

/* Those that take a text as it is, and switches. @return whether it was one */
static bool read_plain(struct siocat_settings *set, int option, const char *value) {
    const struct {
        int option;
        const char **text;
    } texts[] = {
        {'n', &set->nsp},
        {'i', &set->input},
        {'x', &set->network.proxy},
        {ECHO_EVENT, &set->echo},
        {PATH, &set->client.path},
        {UNIX, &set->network.unix_path},
        {LOCAL_ADDRESS, &set->network.local_address},
        {NO_PROXY, &set->network.no_proxy},
        {CA_FILE, &set->tls.ca_file},
        {CA_DIR, &set->tls.ca_dir},
        {CERT, &set->tls.cert_file},
        {KEY, &set->tls.key_file},
        {PKCS12, &set->tls.pkcs12_file},
        {SERVER_NAME, &set->tls.server_name},
        {PIN, &set->tls.pins},
    };
    const struct {
        int option;
        bool *on;
    } switches[] = {
        {'a', &set->ack},
        {'l', &set->listen},
        {'j', &set->json},
        {'k', &set->tls.insecure},
        {RECONNECT, &set->reconnect},
        {COOKIES, &set->network.with_credentials},
        {NO_COMPRESSION, &set->network.no_deflate},
        {QUIET, &set->quiet},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].option == option) {
            *texts[i].text = value;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
        if (switches[i].option == option) {
            *switches[i].on = true;
            return true;
        }
    }
    return false;
}

static int read_option(struct siocat_settings *set, int option, const char *value) {
    switch (option) {
    case 't':
        return read_short_time(&set->timeout_ms, "timeout", value);
    case 'c':
        return read_number(&set->count, "count", value, UINT64_MAX);
    case 'o':
        return add_filter(set, value);
    case MAX_LINE:
        return read_number(&set->max_line, "max-line", value, UINT64_C(1) << 30);
    case WINDOW:
        return read_small(&set->window, "window", value, 10000);
    case 'p':
        return read_small(&set->pings, "ping", value ? value : "10", MAX_PINGS);
    case INTERVAL:
        return read_seconds(&set->interval_ms, "interval", value, true);
    case MAX_TIME:
        return read_seconds(&set->max_time_ms, "max-time", value, false);
    case CONNECT_TIMEOUT:
        return read_short_time(&set->connect_timeout_ms, "connect-timeout", value);
    case 'A':
        return read_auth(set, value);
    case 'H':
        return add_header(set, value);
    case 'q':
        return add_query(set, value, strlen(value));
    case 'T':
        return read_transport(set, value);
    case 'e':
        return read_eio(set, value);
    case 'P':
        return read_parser(set, value);
    case PASSPHRASE_FILE:
        return read_passphrase_file(set, value);
    case PASSPHRASE_ENV:
        return read_passphrase_env(set, value);
    case TLS_MIN:
        return read_tls_version(set, value);
    case 'v':
        set->verbose++;
        return -1;
    case 'h':
        return print_and_end(help);
    case 'V':
        return print_and_end("siocat " SIO_VERSION_STRING "\n");
    default:
        fputs("Try 'siocat --help'.\n", stderr);
        return SIOCAT_USAGE;
    }
}

static int read_words(struct siocat_settings *set, int count, char **words) {
    if (count == 0) {
        return usage("the server's URL is missing");
    }
    set->url = words[0];
    if (count == 1) {
        return -1;
    }
    if (strcmp(words[1], "emit") == 0) {
        set->command = SIOCAT_EMIT;
        set->args = words + 2;
        set->arg_count = count - 2;
        return -1;
    }
    if (strcmp(words[1], "listen") != 0 || count > 2) {
        return usage("'%s' is no command: listen, emit", words[strcmp(words[1], "listen") ? 1 : 2]);
    }
    return -1;
}

/* A query in the URL would replace that of the options: it becomes the first part of it. */
static int join_query(struct siocat_settings *set) {
    const char *mark = strchr(set->url, '?');
    if (!set->query || !mark) {
        return -1;
    }
    char *mine = set->query;
    set->query = NULL;
    int rc = add_query(set, mark + 1, strcspn(mark + 1, "#"));
    rc = rc < 0 ? add_query(set, mine, strlen(mine)) : rc;
    free(mine);
    return rc;
}

static int check(const struct siocat_settings *set) {
    bool from_input = set->command == SIOCAT_EMIT && set->arg_count == 0 && set->pings == 0;
    if (set->input && !from_input) {
        return usage("--input goes with emit without an event");
    }
    if (set->echo && set->pings == 0) {
        return usage("--echo goes with --ping");
    }
    if (set->pings > 0 && (set->count > 0 || set->listen)) {
        return usage("--ping does not go with --count and --listen");
    }
    return -1;
}

static void set_defaults(struct siocat_settings *set) {
    *set = (struct siocat_settings){
        .client = SIO_CLIENT_OPTIONS_INIT,
        .network = SIO_CLIENT_NETWORK_INIT,
        .tls = SIO_CLIENT_TLS_INIT,
        .connect_timeout_ms = 20000,
        .timeout_ms = 10000,
        .max_line = UINT64_C(16) << 20,
    };
}

int siocat_options_read(struct siocat_settings *set, int argc, char **argv) {
    int option, rc = -1;
    set_defaults(set);
    while (rc < 0 && (option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
        rc = read_plain(set, option, optarg) ? -1 : read_option(set, option, optarg);
    }
    rc = rc < 0 ? read_words(set, argc - optind, argv + optind) : rc;
    rc = rc < 0 ? check(set) : rc;
    rc = rc < 0 ? join_query(set) : rc;
    if (rc < 0) {
        siocat_environment_proxy(set);
        set->client.network = &set->network;
        set->client.tls = &set->tls;
        set->client.connect_timeout_ms = set->connect_timeout_ms;
        set->client.reconnection_attempts = set->reconnect ? 0 : SIO_CLIENT_NO_RECONNECTION;
    }
    return rc;
}

void siocat_options_free(struct siocat_settings *set) {
    for (size_t i = 0; i < set->client.header_count; i++) {
        free(set->header_text[i]);
    }
    free(set->query);
    free(set->auth);
    free(set->passphrase);
    free(set->proxy);
}
