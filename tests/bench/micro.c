/* What one operation of the codecs costs, in instructions: `scripts/bench --micro` runs each case
 * under callgrind, once and twice as often, and takes the difference. Unlike times, that is the
 * same on a busy machine. Without arguments the cases are listed. */
#include "base64.h"
#include "room.h"
#include "utf8.h"

#include <sio/args.h>
#include <sio/eio.h>
#include <sio/http1.h>
#include <sio/json.h>
#include <sio/packet.h>
#include <sio/ws.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 65536, OTHER_ROOMS = 256 };

typedef struct bench {
    char text[2 * TEXT_MAX];
    size_t len;
    uint8_t wire[2 * TEXT_MAX];
    size_t wire_len;
    sio_buf out;
    sio_args *args;
    sio_args *built;
    sio_decoder_options options;
    sio_decoder decoder;
    sio_ws *ws;
    sio_loop *loop;
    sio_room_index rooms;
    sio_room_set *sets;
    char other_rooms[OTHER_ROOMS][16];
    unsigned turn;
} bench;

typedef struct bench_case {
    const char *name;
    unsigned times;
    const char *what;
    void (*set_up)(bench *b);
    void (*once)(bench *b);
} bench_case;

static void must(bool holds) {
    if (!holds) {
        fputs("micro: a case does not do what it is to do\n", stderr);
        exit(1);
    }
}

/* ---- texts ---- */

/* An event with one string of `len` letters. */
static void event_text(bench *b, size_t len) {
    int head = snprintf(b->text, sizeof(b->text), "2[\"echo\",17,\"");
    memset(b->text + head, 'x', len);
    memcpy(b->text + head + len, "\"]", 2);
    b->len = (size_t)head + len + 2;
}

static void event_16(bench *b) {
    event_text(b, 16);
}

static void event_1k(bench *b) {
    event_text(b, 1024);
}

static void event_64k(bench *b) {
    event_text(b, TEXT_MAX);
}

/* What programs send: objects, numbers, escapes, about 1 KiB. */
static void event_objects(bench *b) {
    static const char one[] =
        "{\"id\":1234,\"name\":\"J\\u00fcrgen \\\"J\\\"\",\"at\":[52.5163,13.3777],"
        "\"tags\":[\"a\",\"b\",null,true],\"score\":-1.5e3}";
    b->len = (size_t)snprintf(b->text, sizeof(b->text), "2[\"update\"");
    for (int i = 0; i < 9; i++) {
        b->text[b->len++] = ',';
        memcpy(b->text + b->len, one, sizeof(one) - 1);
        b->len += sizeof(one) - 1;
    }
    b->text[b->len++] = ']';
}

static void plain_text(bench *b) {
    memset(b->text, 'x', TEXT_MAX);
    b->len = 1024;
}

/* Each letter two or three bytes. */
static void foreign_text(bench *b) {
    static const char word[] = "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xe4\xbd\xa0\xe5\xa5\xbd ";
    for (b->len = 0; b->len + sizeof(word) - 1 <= 1024; b->len += sizeof(word) - 1) {
        memcpy(b->text + b->len, word, sizeof(word) - 1);
    }
}

/* ---- Socket.IO packets ---- */

static void begin_decoding(bench *b) {
    b->options = (sio_decoder_options)SIO_DECODER_OPTIONS_INIT;
    must(sio_decoder_init(&b->decoder, &b->options) == 0);
}

static void decode_16(bench *b) {
    event_16(b);
    begin_decoding(b);
}

static void decode_1k(bench *b) {
    event_1k(b);
    begin_decoding(b);
}

static void decode_64k(bench *b) {
    event_64k(b);
    begin_decoding(b);
}

static void decode_objects(bench *b) {
    event_objects(b);
    begin_decoding(b);
}

static void decode(bench *b) {
    sio_packet packet;
    must(sio_decoder_text(&b->decoder, b->args, b->text, b->len, &packet) == 1);
}

static void decoded_16(bench *b) {
    decode_16(b);
    decode(b);
}

static void decoded_1k(bench *b) {
    decode_1k(b);
    decode(b);
}

static void decoded_objects(bench *b) {
    decode_objects(b);
    decode(b);
}

static void encode(bench *b) {
    static const sio_packet_head head = {.type = SIO_PACKET_EVENT};
    b->out.len = 0;
    must(sio_packet_encode(&b->out, &head, SIO_STR("echo"), b->args, (sio_str){NULL, 0}) == 0);
}

static void get_args(bench *b) {
    must(sio_args_int(b->args, 0) == 17 && sio_args_str(b->args, 1).len == 16);
}

static void build_args(bench *b) {
    sio_args_reset(b->built);
    must(sio_args_add_int(b->built, 17) == 0 &&
         sio_args_add_str(b->built, sio_args_str(b->args, 1)) == 0);
}

static void tree_args(bench *b) {
    const struct cJSON *tree;
    decode(b);
    must(sio_args_json(&tree, b->args, 0) == 0);
}

/* ---- JSON, UTF-8, base64 ---- */

static void json_objects(bench *b) {
    event_objects(b);
    memmove(b->text, b->text + 1, --b->len);
}

static void validate_json(bench *b) {
    must(sio_json_validate(b->text, b->len, 0) == 0);
}

static void add_json_string(bench *b) {
    b->out.len = 0;
    must(sio_json_add_string(&b->out, b->text, b->len) == 0);
}

static void validate_utf8(bench *b) {
    must(sio_utf8_valid(b->text, b->len));
}

static void encode_base64(bench *b) {
    sio_base64_encode((char *)b->wire, (const uint8_t *)b->text, b->len);
}

static void base64_text(bench *b) {
    plain_text(b);
    encode_base64(b);
    b->wire_len = sio_base64_encoded_len(b->len);
}

static void decode_base64(bench *b) {
    size_t len;
    must(sio_base64_decode((uint8_t *)b->text, &len, (const char *)b->wire, b->wire_len) == 0);
}

/* ---- WebSocket ---- */

static void mask_1k(bench *b) {
    sio_ws_mask((uint8_t *)b->text, 1024, (const uint8_t *)"\x12\x34\x56\x78", 0);
}

static void mask_64k(bench *b) {
    sio_ws_mask((uint8_t *)b->text, TEXT_MAX, (const uint8_t *)"\x12\x34\x56\x78", 0);
}

/* The key is zero, so that the frame can be read again and again. */
static void frame_of(bench *b) {
    uint8_t head[SIO_WS_HEADER_MAX];
    size_t len =
        sio_ws_write_header(head, SIO_WS_TEXT, true, false, b->len, (const uint8_t *)"\0\0\0\0");
    memcpy(b->wire, head, len);
    memcpy(b->wire + len, b->text, b->len);
    b->wire_len = len + b->len;
    must(sio_ws_new(&b->ws, NULL, NULL) == 0);
}

static void frame_16(bench *b) {
    event_16(b);
    frame_of(b);
}

static void frame_1k(bench *b) {
    event_1k(b);
    frame_of(b);
}

static void frame_64k(bench *b) {
    event_64k(b);
    frame_of(b);
}

static void read_frame(bench *b) {
    sio_ws_event event;
    must(sio_ws_feed(b->ws, b->wire, b->wire_len) == 0);
    must(sio_ws_next(b->ws, &event) == 1 && event.len == b->len);
    must(sio_ws_next(b->ws, &event) == 0);
}

/* A message of 64 KiB in two reads. */
static void read_cut_frame(bench *b) {
    sio_ws_event event;
    must(sio_ws_feed(b->ws, b->wire, 20000) == 0 && sio_ws_next(b->ws, &event) == 0);
    must(sio_ws_feed(b->ws, b->wire + 20000, b->wire_len - 20000) == 0);
    must(sio_ws_next(b->ws, &event) == 1 && event.len == b->len);
    must(sio_ws_next(b->ws, &event) == 0);
}

/* ---- HTTP ---- */

static const char request[] =
    "GET /socket.io/?EIO=4&transport=polling&sid=pK7hV0Q2d1yzAAAB HTTP/1.1\r\n"
    "Host: example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
    "Accept: */*\r\nAccept-Language: en\r\nConnection: keep-alive\r\n\r\n";

static void read_request(bench *b) {
    sio_http1_parser *parser;
    sio_http1_event event;
    must(sio_http1_parser_new(&parser, SIO_HTTP1_REQUESTS, NULL, NULL) == 0);
    must(sio_http1_feed(parser, (uint8_t *)b->text, b->len) == 0);
    must(sio_http1_next(parser, &event) == 1);
    sio_http1_parser_free(parser);
}

static void request_text(bench *b) {
    b->len = sizeof(request) - 1;
    memcpy(b->text, request, b->len);
}

/* ---- rooms ----
 *
 * Where a name stands in the index is chance, as the hash has a random key: many names are taken.
 */

enum { ROOMS = 10000, PEERS = 100000, ROOMS_OF_PEER = 10 };

static void room_name(char out[16], unsigned peer, unsigned i) {
    snprintf(out, 16, "room-%u", (peer * 7919 + i * 1009) % ROOMS);
}

static void million_memberships(bench *b) {
    char name[16];
    must(sio_loop_new(&b->loop, NULL) == 0);
    must(sio_room_index_init(&b->rooms, b->loop) == 0);
    b->sets = calloc(PEERS, sizeof(*b->sets));
    must(b->sets != NULL);
    for (unsigned i = 0; i < OTHER_ROOMS; i++) {
        snprintf(b->other_rooms[i], sizeof(b->other_rooms[i]), "other-%u", i);
    }
    for (unsigned peer = 0; peer < PEERS; peer++) {
        sio_room_set_init(&b->sets[peer]);
        for (unsigned i = 0; i < ROOMS_OF_PEER; i++) {
            room_name(name, peer, i);
            must(sio_room_join(&b->rooms, &b->sets[peer], name) == 0);
        }
    }
}

static void join_and_leave(bench *b) {
    sio_room_set *set = &b->sets[b->turn++ * 31 % PEERS];
    const char *name = b->other_rooms[b->turn % OTHER_ROOMS];
    must(sio_room_join(&b->rooms, set, name) == 0);
    must(sio_room_leave(&b->rooms, set, name));
}

static void find_room(bench *b) {
    const sio_room_set *set = &b->sets[b->turn++ * 31 % PEERS];
    const sio_room *room = SIO_CONTAINER(set->rooms.next, sio_membership, in_set)->room;
    must(sio_room_find(&b->rooms, room->name) == room);
}

/* ---- the cases ---- */

static const bench_case cases[] = {
    {"decode-16", 10000, "decode an event packet with a string of 16 bytes", decode_16, decode},
    {"decode-1k", 5000, "the same with 1 KiB", decode_1k, decode},
    {"decode-64k", 200, "the same with 64 KiB", decode_64k, decode},
    {"decode-objects", 2000, "the same with 9 objects, 1 KiB", decode_objects, decode},
    {"encode-16", 10000, "encode received arguments as an event, 16 bytes", decoded_16, encode},
    {"encode-1k", 5000, "the same with 1 KiB", decoded_1k, encode},
    {"args-get", 10000, "read an integer and a string of 16 bytes", decoded_16, get_args},
    {"args-build", 10000, "build a list of both", decoded_16, build_args},
    {"args-cjson", 2000, "decode-objects, and the first of them as a cJSON tree", decoded_objects,
     tree_args},
    {"json-validate", 2000, "check JSON of 1 KiB with 9 objects", json_objects, validate_json},
    {"json-string", 5000, "write a string of 1 KiB", plain_text, add_json_string},
    {"utf8-ascii", 10000, "check 1 KiB of ASCII", plain_text, validate_utf8},
    {"utf8-foreign", 2000, "check 1 KiB of Cyrillic and Chinese", foreign_text, validate_utf8},
    {"base64-encode", 5000, "1 KiB", plain_text, encode_base64},
    {"base64-decode", 5000, "to 1 KiB", base64_text, decode_base64},
    {"mask-1k", 10000, "unmask 1 KiB", plain_text, mask_1k},
    {"mask-64k", 500, "unmask 64 KiB", plain_text, mask_64k},
    {"frame-16", 10000, "take a frame with an event of 16 bytes: unmask, check", frame_16,
     read_frame},
    {"frame-1k", 5000, "the same with 1 KiB", frame_1k, read_frame},
    {"frame-64k", 200, "the same with 64 KiB", frame_64k, read_frame},
    {"frame-64k-cut", 200, "the same in two reads", frame_64k, read_cut_frame},
    {"http-request", 2000, "parse the request of a poll with a new parser", request_text,
     read_request},
    {"room-join-leave", 2000, "join and leave a room, 10^6 memberships present",
     million_memberships, join_and_leave},
    {"room-find", 2000, "find one of 10^4 rooms, 10^6 memberships present", million_memberships,
     find_room},
};

static void run_case(const bench_case *c, unsigned times) {
    bench *b = calloc(1, sizeof(*b));
    must(b != NULL && sio_args_new(&b->args, NULL) == 0 && sio_args_new(&b->built, NULL) == 0);
    c->set_up(b);
    for (unsigned i = 0; i < times; i++) {
        c->once(b);
    }
    /* The process ends here: what the set-up has made is not given back. */
    fflush(stdout);
    _Exit(0);
}

int main(int argc, char **argv) {
    enum { CASES = sizeof(cases) / sizeof(cases[0]) };
    for (int i = 0; i < CASES && argc < 3; i++) {
        printf("%s\t%u\t%s\n", cases[i].name, cases[i].times, cases[i].what);
    }
    for (int i = 0; i < CASES && argc == 3; i++) {
        if (strcmp(argv[1], cases[i].name) == 0) {
            run_case(&cases[i], (unsigned)strtoul(argv[2], NULL, 10));
        }
    }
    return argc == 3;
}
