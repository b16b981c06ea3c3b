#include "support.h"

#include <sio/msgpack.h>

#include <stdlib.h>
#include <string.h>

static const sio_str none = {NULL, 0};
static sio_args *scratch;
static sio_buf text;
static sio_buf out;

static void setup(void) {
    ck_assert_int_eq(sio_args_new(&scratch, NULL), 0);
    sio_buf_init(&text, 0, NULL);
    sio_buf_init(&out, 0, NULL);
}

static void teardown(void) {
    sio_args_unref(scratch);
    sio_buf_free(&text);
    sio_buf_free(&out);
}

static sio_str str(const char *s) {
    return (sio_str){s, strlen(s)};
}

static void same(sio_str got, const char *expected) {
    ck_assert_msg(got.len == strlen(expected) &&
                      (got.len == 0 || memcmp(got.ptr, expected, got.len) == 0),
                  "%.*s, not %s", SIO_STR_ARG(got), expected);
}

static unsigned nibble(char c) {
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* An exact heap copy, which the caller frees. */
static uint8_t *from_hex(const char *hex, size_t *len) {
    *len = strlen(hex) / 2;
    uint8_t *data = malloc(*len ? *len : 1);
    ck_assert_ptr_nonnull(data);
    for (size_t i = 0; i < *len; i++) {
        data[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    }
    return data;
}

static void written(const char *hex) {
    size_t len;
    uint8_t *expected = from_hex(hex, &len);
    ck_assert_uint_eq(out.len, len);
    ck_assert_mem_eq(out.data, expected, len);
    out.len = 0;
    free(expected);
}

/* Made with socket.io-msgpack-parser 3.0.2. `again` is what we write for the packet: without
 * options and without members that are undefined. */
static const struct {
    const char *hex;
    sio_packet_type type;
    const char *nsp;
    int64_t id;
    const char *name;
    const char *args;
    const char *payload;
    const char *again;
} peers[] = {
    {"83a47479706502a46461746194a16101a13281a16292c3c0a36e7370a12f", SIO_PACKET_EVENT, "/", -1, "a",
     "1,\"2\",{\"b\":[true,null]}", "",
     "83a47479706502a46461746194a16101a13281a16292c3c0a36e7370a12f"},
    {"84a47479706502a46461746192a161c4020102a2696407a36e7370a22f78", SIO_PACKET_EVENT, "/x", 7, "a",
     "{\"_placeholder\":true,\"num\":0}", "",
     "84a47479706502a46461746192a161c4020102a2696407a36e7370a22f78"},
    {"84a47479706503a46461746190a2696400a36e7370a12f", SIO_PACKET_ACK, "/", 0, "", "", "",
     "84a47479706503a46461746190a2696400a36e7370a12f"},
    {"83a47479706500a464617461d40000a36e7370a12f", SIO_PACKET_CONNECT, "/", -1, "", NULL, "",
     "82a47479706500a36e7370a12f"},
    {"83a47479706500a46461746181a3736964a3616263a36e7370a12f", SIO_PACKET_CONNECT, "/", -1, "",
     NULL, "{\"sid\":\"abc\"}", "83a47479706500a46461746181a3736964a3616263a36e7370a12f"},
    {"82a47479706501a36e7370a22f78", SIO_PACKET_DISCONNECT, "/x", -1, "", NULL, "",
     "82a47479706501a36e7370a22f78"},
    {"83a47479706504a46461746181a76d657373616765a26e6fa36e7370a22f78", SIO_PACKET_CONNECT_ERROR,
     "/x", -1, "", NULL, "{\"message\":\"no\"}",
     "83a47479706504a46461746181a76d657373616765a26e6fa36e7370a22f78"},
    {"85a47479706502a46461746194a164d7000000016f5e66e87bd4000082a175d40000a17601a76f7074696f6e7381a"
     "8"
     "636f6d7072657373c3a26964d40000a36e7370a12f",
     SIO_PACKET_EVENT, "/", -1, "d", "\"2020-01-01T00:00:00.123Z\",null,{\"v\":1}", "",
     "83a47479706502a46461746194a164b8323032302d30312d30315430303a30303a30302e3132335ac081a17601a36"
     "e"
     "7370a12f"},
    {"83a47479706502a4646174619ca16effd0dfd1ff7fd2ffff7fffd3ffffffff7fffffffccffcdffffceffffffffcf0"
     "0"
     "1fffffffffffffcb3ff8000000000000cb3fb999999999999aa36e7370a12f",
     SIO_PACKET_EVENT, "/", -1, "n",
     "-1,-33,-129,-32769,-2147483649,255,65535,4294967295,9007199254740991,1.5,0.1", "",
     "83a47479706502a4646174619ca16effd0dfd1ff7fd2ffff7fffd3ffffffff7fffffffccffcdffffceffffffffcf0"
     "0"
     "1fffffffffffffcb3ff8000000000000cb3fb999999999999aa36e7370a12f"},
    {"83a47479706502a46461746192a26162c702000908a36e7370a12f", SIO_PACKET_EVENT, "/", -1, "ab",
     "{\"_placeholder\":true,\"num\":0}", "",
     "83a47479706502a46461746192a26162c4020908a36e7370a12f"},
};

static void write_again(const sio_packet *packet) {
    if (!packet->args) {
        ck_assert_int_eq(
            sio_msgpack_encode_control(&out, packet->type, packet->nsp, packet->payload), 0);
        return;
    }
    sio_packet_head head = {
        .type = packet->type,
        .has_id = packet->has_id,
        .name_is_number = packet->name_is_number,
        .id = packet->id,
        .nsp = packet->nsp,
    };
    ck_assert_int_eq(sio_msgpack_encode(&out, &head, none, packet->args, none), 0);
}

START_TEST(speaks_with_the_npm_package) {
    size_t len;
    uint8_t *data = from_hex(peers[_i].hex, &len);
    sio_packet packet;
    ck_assert_int_eq(sio_msgpack_decode(NULL, scratch, &text, data, len, &packet), 0);
    ck_assert_int_eq(packet.type, peers[_i].type);
    same(packet.nsp, peers[_i].nsp);
    same(packet.payload, peers[_i].payload);
    ck_assert_int_eq(packet.has_id ? (int64_t)packet.id : -1, peers[_i].id);
    ck_assert_int_eq(packet.args != NULL, peers[_i].args != NULL);
    if (packet.args) {
        same(sio_args_name(packet.args), peers[_i].name);
        sio_buf json = {0};
        ck_assert_int_eq(sio_args_write(packet.args, &json), 0);
        same((sio_str){(const char *)json.data, json.len}, peers[_i].args);
        sio_buf_free(&json);
    }
    write_again(&packet);
    written(peers[_i].again);
    free(data);
}
END_TEST

static int decode(const char *hex, const sio_msgpack_options *options, sio_packet *packet) {
    size_t len;
    uint8_t *data = from_hex(hex, &len);
    int rc = sio_msgpack_decode(options, scratch, &text, data, len, packet);
    if (rc == 0) {
        ck_assert_uint_eq(packet->nsp.len, 1);
        packet->nsp = SIO_STR("/"); /* outlives the message */
    }
    free(data);
    return rc;
}

START_TEST(every_truncation_is_refused) {
    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        size_t len;
        uint8_t *data = from_hex(peers[i].hex, &len);
        for (size_t cut = 0; cut < len; cut++) {
            uint8_t *copy = malloc(cut ? cut : 1);
            ck_assert_ptr_nonnull(copy);
            memcpy(copy, data, cut);
            sio_packet packet;
            ck_assert_int_eq(sio_msgpack_decode(NULL, scratch, &text, copy, cut, &packet),
                             SIO_ERR_MSGPACK_SYNTAX);
            free(copy);
        }
        free(data);
    }
}
END_TEST

START_TEST(a_message_without_bytes_or_memory_is_refused) {
    sio_packet packet;
    ck_assert_int_eq(sio_msgpack_decode(NULL, scratch, &text, NULL, 0, &packet),
                     SIO_ERR_MSGPACK_SYNTAX);
}
END_TEST

START_TEST(what_is_refused) {
    static const struct {
        const char *hex;
        int err;
    } rows[] = {
        {"c0", SIO_ERR_SIO_TYPE},
        {"80", SIO_ERR_SIO_TYPE},
        {"90", SIO_ERR_SIO_TYPE},
        {"82a47479706505a36e7370a12f", SIO_ERR_SIO_TYPE},
        {"82a474797065ffa36e7370a12f", SIO_ERR_SIO_TYPE},
        {"82a474797065a130a36e7370a12f", SIO_ERR_SIO_TYPE},
        {"82a474797065cb3fe0000000000000a36e7370a12f", SIO_ERR_SIO_TYPE},
        {"81a47479706500", SIO_ERR_SIO_NAMESPACE},
        {"82a47479706500a36e737001", SIO_ERR_SIO_NAMESPACE},
        {"82a47479706500a36e7370a0", SIO_ERR_SIO_NAMESPACE},
        {"82a47479706500a36e7370a161", SIO_ERR_SIO_NAMESPACE},
        {"82a47479706500a36e7370a22fff", SIO_ERR_MSGPACK_UTF8},
        {"82a47479706500a36e7370a12f00", SIO_ERR_MSGPACK_SYNTAX},
        {"c1", SIO_ERR_MSGPACK_SYNTAX},
        {"82a47479706500a36e7370c1", SIO_ERR_MSGPACK_SYNTAX},
        {"819000", SIO_ERR_MSGPACK_TYPE},
        /* ids */
        {"83a47479706500a26964c0a36e7370a12f", SIO_ERR_SIO_PAYLOAD},
        {"83a47479706500a26964ffa36e7370a12f", SIO_ERR_SIO_PAYLOAD},
        {"83a47479706500a26964cf0020000000000000a36e7370a12f", SIO_ERR_SIO_PAYLOAD},
        {"83a47479706500a26964cb3ff8000000000000a36e7370a12f", SIO_ERR_SIO_PAYLOAD},
        {"83a47479706500a26964cb7ff8000000000000a36e7370a12f", SIO_ERR_SIO_PAYLOAD},
        /* data of the wrong kind */
        {"83a47479706500a464617461c0a36e7370a12f", SIO_ERR_SIO_PAYLOAD},
        {"83a47479706500a46461746190a36e7370a12f", SIO_ERR_SIO_PAYLOAD},
        {"83a47479706501a46461746180a36e7370a12f", SIO_ERR_SIO_PAYLOAD},
        {"82a47479706502a36e7370a12f", SIO_ERR_SIO_PAYLOAD},
        {"83a47479706502a46461746190a36e7370a12f", SIO_ERR_SIO_PAYLOAD},
        {"83a47479706502a46461746191c0a36e7370a12f", SIO_ERR_SIO_PAYLOAD},
        {"83a47479706502a46461746191c40161a36e7370a12f", SIO_ERR_SIO_PAYLOAD},
        {"83a47479706502a46461746191a7636f6e6e656374a36e7370a12f", SIO_ERR_SIO_PAYLOAD},
        {"83a47479706503a46461746180a36e7370a12f", SIO_ERR_SIO_PAYLOAD},
        {"82a47479706504a36e7370a12f", SIO_ERR_SIO_PAYLOAD},
        /* binary in a payload, extensions, keys, text */
        {"83a47479706500a46461746181a161c40101a36e7370a12f", SIO_ERR_SIO_TOO_MANY_ATTACHMENTS},
        {"83a47479706502a46461746192a161d40100a36e7370a12f", SIO_ERR_MSGPACK_TYPE},
        {"83a47479706502a46461746192a161d500ffffa36e7370a12f", SIO_ERR_MSGPACK_TYPE},
        {"83a47479706502a46461746192a161c70105ffa36e7370a12f", SIO_ERR_MSGPACK_TYPE},
        {"83a47479706502a46461746192a16181c0c0a36e7370a12f", SIO_ERR_MSGPACK_TYPE},
        {"83a47479706502a46461746192a161a1ffa36e7370a12f", SIO_ERR_MSGPACK_UTF8},
        {"83a47479706502a46461746192a16181a1ff01a36e7370a12f", SIO_ERR_MSGPACK_UTF8},
        {"83a47479706502a46461746192a161ddffffffffa36e7370a12f", SIO_ERR_MSGPACK_SYNTAX},
        {"83a47479706502a46461746192a161dfffffffffa36e7370a12f", SIO_ERR_MSGPACK_SYNTAX},
        {"83a47479706502a46461746192a161c6ffffffffa36e7370a12f", SIO_ERR_MSGPACK_SYNTAX},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        sio_packet packet;
        int rc = decode(rows[i].hex, NULL, &packet);
        ck_assert_msg(rc == rows[i].err, "%s gave %d, not %d", rows[i].hex, rc, rows[i].err);
    }
}
END_TEST

START_TEST(limits_are_exact) {
    sio_msgpack_options options = SIO_MSGPACK_OPTIONS_INIT;
    sio_packet packet;
    static const char nested[] = "83a47479706502a46461746192a1619190a36e7370a12f";
    options.max_depth = 3;
    ck_assert_int_eq(decode(nested, &options, &packet), 0);
    options.max_depth = 2;
    ck_assert_int_eq(decode(nested, &options, &packet), SIO_ERR_MSGPACK_DEPTH);
    options.max_depth = 0;
    options.max_text = strlen("[\"a\",[[]]]");
    ck_assert_int_eq(decode(nested, &options, &packet), 0);
    options.max_text--;
    ck_assert_int_eq(decode(nested, &options, &packet), SIO_ERR_LIMIT);
    options.max_text = 0;
    options.max_attachments = 1;
    ck_assert_int_eq(decode("83a47479706502a46461746192a161c400a36e7370a12f", &options, &packet),
                     0);
    ck_assert_int_eq(
        decode("83a47479706502a46461746193a161c400c400a36e7370a12f", &options, &packet),
        SIO_ERR_SIO_TOO_MANY_ATTACHMENTS);
    options.size = 1;
    ck_assert_int_eq(decode(nested, &options, &packet), SIO_ERR_INVALID);
}
END_TEST

START_TEST(attachments_and_namespace_are_used_in_place) {
    size_t len;
    uint8_t *data =
        from_hex("83a36e7370a22f78a46461746194a161c40141c40081a162c4024243a47479706502", &len);
    sio_packet packet;
    ck_assert_int_eq(sio_msgpack_decode(NULL, scratch, &text, data, len, &packet), 0);
    ck_assert_ptr_eq(packet.nsp.ptr, (const char *)data + 6);
    ck_assert_uint_eq(sio_args_attachment_count(scratch), 3);
    ck_assert_int_eq(sio_args_attachment(scratch, 0).ptr[0], 'A');
    ck_assert_uint_eq(sio_args_attachment(scratch, 1).len, 0);
    ck_assert_mem_eq(sio_args_attachment(scratch, 2).ptr, "BC", 2);
    ck_assert_ptr_eq(sio_args_binary(scratch, 0).ptr, data + 18);
    free(data);
}
END_TEST

START_TEST(a_map_like_a_placeholder_is_data_without_binary) {
    sio_packet packet;
    /* ["a",{"_placeholder":true,"num":0}] */
    ck_assert_int_eq(decode("83a47479706502a46461746192a16182ac5f706c616365686f6c646572c3a36e756d00"
                            "a36e7370a12f",
                            NULL, &packet),
                     0);
    ck_assert_int_eq(sio_args_kind(scratch, 0), SIO_KIND_OBJECT);
    write_again(&packet);
    written("83a47479706502a46461746192a16182ac5f706c616365686f6c646572c3a36e756d00a36e7370a12f");
}
END_TEST

START_TEST(a_number_as_name_round_trips) {
    sio_packet packet;
    ck_assert_int_eq(decode("83a47479706502a4646174619101a36e7370a12f", NULL, &packet), 0);
    ck_assert(packet.name_is_number);
    same(sio_args_name(scratch), "1");
    write_again(&packet);
    written("83a47479706502a4646174619101a36e7370a12f");
}
END_TEST

START_TEST(what_is_written_is_checked) {
    sio_packet_head head = {.type = SIO_PACKET_EVENT};
    ck_assert_int_eq(sio_msgpack_encode(&out, &head, str("connect"), NULL, none), SIO_ERR_RESERVED);
    ck_assert_int_eq(sio_msgpack_encode(&out, &head, str("a"), NULL, str("o")), 0);
    written("83a47479706502a46461746192a161a16fa36e7370a12f");
    head.nsp = str("/a,b");
    ck_assert_int_eq(sio_msgpack_encode(&out, &head, str("a"), NULL, none), SIO_ERR_SIO_NAMESPACE);
    ck_assert_int_eq(sio_msgpack_encode_control(&out, SIO_PACKET_EVENT, str("/"), none),
                     SIO_ERR_INVALID);
    ck_assert_int_eq(sio_msgpack_encode_control(&out, SIO_PACKET_CONNECT, str("/"), str("[]")),
                     SIO_ERR_SIO_PAYLOAD);
    ck_assert_int_eq(sio_msgpack_encode_control(&out, SIO_PACKET_CONNECT, str("/"), str("{")),
                     SIO_ERR_SIO_PAYLOAD);
    ck_assert_int_eq(sio_msgpack_encode_control(&out, SIO_PACKET_DISCONNECT, str("/"), str("{}")),
                     SIO_ERR_SIO_PAYLOAD);
    ck_assert_int_eq(sio_msgpack_encode_control(&out, SIO_PACKET_CONNECT_ERROR, str("/"), none),
                     SIO_ERR_SIO_PAYLOAD);
    ck_assert_int_eq(sio_msgpack_encode_control(&out, SIO_PACKET_CONNECT, str("a"), none),
                     SIO_ERR_SIO_NAMESPACE);
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    size_t len;
    uint8_t *data = from_hex(peers[1].hex, &len);
    sio_args *args = NULL;
    sio_buf json, again;
    sio_buf_init(&json, 0, mem);
    sio_buf_init(&again, 0, mem);
    int rc = sio_args_new(&args, mem);
    sio_packet packet;
    if (rc == 0) {
        rc = sio_msgpack_decode(NULL, args, &json, data, len, &packet);
    }
    if (rc == 0) {
        sio_packet_head head = {.type = SIO_PACKET_EVENT, .nsp = packet.nsp};
        rc = sio_msgpack_encode(&again, &head, none, args, none);
        ck_assert(rc == 0 || again.len == 0);
    }
    if (rc == 0) {
        again.len = 0;
        rc = sio_msgpack_encode_control(&again, SIO_PACKET_CONNECT, none, str("{\"a\":[{}]}"));
        ck_assert(rc == 0 || again.len == 0);
    }
    sio_args_unref(args);
    sio_buf_free(&json);
    sio_buf_free(&again);
    free(data);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("msgpack");
    TCase *tc = tcase_create("msgpack");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, speaks_with_the_npm_package, 0,
                        (int)(sizeof(peers) / sizeof(peers[0])));
    tcase_add_test(tc, every_truncation_is_refused);
    tcase_add_test(tc, a_message_without_bytes_or_memory_is_refused);
    tcase_add_test(tc, what_is_refused);
    tcase_add_test(tc, limits_are_exact);
    tcase_add_test(tc, attachments_and_namespace_are_used_in_place);
    tcase_add_test(tc, a_map_like_a_placeholder_is_data_without_binary);
    tcase_add_test(tc, a_number_as_name_round_trips);
    tcase_add_test(tc, what_is_written_is_checked);
    tcase_add_test(tc, survives_failing_allocations);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
