#include "support.h"

#include <sio/eio.h>

#include <stdlib.h>
#include <string.h>

static void check_write(const sio_eio_handshake *handshake, const char *want) {
    sio_buf out = {0};
    ck_assert_int_eq(sio_eio_handshake_write(&out, handshake), 0);
    sio_buf_add_byte(&out, 0);
    ck_assert_str_eq((const char *)out.data, want);
    sio_buf_free(&out);
}

START_TEST(writes_the_keys_in_order) { /* T4-1, T4-5 */
    sio_eio_handshake handshake = {SIO_STR("lv_VI97HAXpY6yYWAAAC"), true, 25000, 20000, 1000000};
    check_write(&handshake, "{\"sid\":\"lv_VI97HAXpY6yYWAAAC\",\"upgrades\":[\"websocket\"],"
                            "\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}");
    handshake.websocket = false;
    check_write(&handshake, "{\"sid\":\"lv_VI97HAXpY6yYWAAAC\",\"upgrades\":[],"
                            "\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}");
    handshake.sid = SIO_STR("a\"b");
    check_write(&handshake, "{\"sid\":\"a\\\"b\",\"upgrades\":[],\"pingInterval\":25000,"
                            "\"pingTimeout\":20000,\"maxPayload\":1000000}");
}
END_TEST

START_TEST(refuses_bad_sids) {
    sio_buf out = {0};
    char longest[SIO_EIO_SID_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    sio_eio_handshake handshake = {.sid = {longest, 0}};
    ck_assert_int_eq(sio_eio_handshake_write(&out, &handshake), SIO_ERR_INVALID);
    handshake.sid.len = sizeof(longest);
    ck_assert_int_eq(sio_eio_handshake_write(&out, &handshake), SIO_ERR_INVALID);
    handshake.sid = SIO_STR("\xFF");
    ck_assert_int_eq(sio_eio_handshake_write(&out, &handshake), SIO_ERR_INVALID);
    ck_assert_uint_eq(out.len, 0);
    sio_buf_free(&out);
}
END_TEST

static int read_text(sio_eio_handshake *out, char sid[SIO_EIO_SID_MAX], const char *text) {
    /* Exactly as long as the text, so that a sanitizer sees reads past the end. */
    size_t len = strlen(text);
    uint8_t *copy = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text, len);
    int rc = sio_eio_handshake_read(out, sid, (sio_bytes){copy, len});
    free(copy);
    return rc;
}

START_TEST(reads_what_a_server_writes) {
    sio_eio_handshake got;
    char sid[SIO_EIO_SID_MAX];
    ck_assert_int_eq(
        read_text(&got, sid,
                  "{\"sid\":\"SID1\",\"upgrades\":[\"websocket\"],\"pingInterval\":300,"
                  "\"pingTimeout\":200,\"maxPayload\":50}"),
        0);
    ck_assert(got.sid.len == 4 && got.sid.ptr == sid);
    ck_assert_mem_eq(got.sid.ptr, "SID1", 4);
    ck_assert(got.websocket);
    ck_assert_uint_eq(got.ping_interval, 300);
    ck_assert_uint_eq(got.ping_timeout, 200);
    ck_assert_uint_eq(got.max_payload, 50);
}
END_TEST

START_TEST(reads_other_spellings) {
    sio_eio_handshake got;
    char sid[SIO_EIO_SID_MAX];
    ck_assert_int_eq(
        read_text(&got, sid,
                  " { \"x\" : {\"sid\":[\"}\\\"\",{}]} , \"pingTimeout\" : 0 ,\n"
                  "\"upgrades\" : [ \"a\" , 1, [\"websocket\"], null ],"
                  "\"pingInterval\":9007199254740991,\"y\":-1.5e3,"
                  "\"sid\":\"old\",\"sid\" : \"a\\/\\u0041\\u20AC\\\"\" , \"z\":[]}\n"),
        0);
    ck_assert_uint_eq(got.sid.len, 7);
    ck_assert_mem_eq(got.sid.ptr, "a/A\xE2\x82\xAC\"", 7);
    ck_assert(!got.websocket);
    ck_assert_uint_eq(got.ping_interval, 9007199254740991);
    ck_assert_uint_eq(got.ping_timeout, 0);
    ck_assert_uint_eq(got.max_payload, 0);
}
END_TEST

START_TEST(refuses_what_is_no_handshake) {
    static const char *const texts[] = {
        "",
        "{",
        "null",
        "[]",
        "\"sid\"",
        "{}",
        "{\"sid\":\"a\",\"pingInterval\":1}",
        "{\"sid\":\"a\",\"pingTimeout\":1}",
        "{\"pingInterval\":1,\"pingTimeout\":1}",
        "{\"sid\":\"\",\"pingInterval\":1,\"pingTimeout\":1}",
        "{\"sid\":1,\"pingInterval\":1,\"pingTimeout\":1}",
        "{\"sid\":\"a\\n\",\"pingInterval\":1,\"pingTimeout\":1}",
        "{\"sid\":\"a\\u0000\",\"pingInterval\":1,\"pingTimeout\":1}",
        "{\"sid\":\"\\ud83d\\ude00\",\"pingInterval\":1,\"pingTimeout\":1}",
        "{\"sid\":\"a\",\"pingInterval\":0,\"pingTimeout\":1}",
        "{\"sid\":\"a\",\"pingInterval\":-1,\"pingTimeout\":1}",
        "{\"sid\":\"a\",\"pingInterval\":1.5,\"pingTimeout\":1}",
        "{\"sid\":\"a\",\"pingInterval\":9007199254740992,\"pingTimeout\":1}",
        "{\"sid\":\"a\",\"pingInterval\":99999999999999999999999,\"pingTimeout\":1}",
        "{\"sid\":\"a\",\"pingInterval\":\"1\",\"pingTimeout\":1}",
        "{\"sid\":\"a\",\"pingInterval\":1,\"pingTimeout\":null}",
        "{\"sid\":\"a\",\"pingInterval\":1,\"pingTimeout\":1,\"upgrades\":\"websocket\"}",
        "{\"sid\":\"a\",\"pingInterval\":1,\"pingTimeout\":1,\"maxPayload\":true}",
        "{\"sid\":\"a\",\"pingInterval\":1,\"pingTimeout\":1}x",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        sio_eio_handshake got = {.ping_interval = 77};
        char sid[SIO_EIO_SID_MAX] = "untouched";
        ck_assert_msg(read_text(&got, sid, texts[i]) == SIO_ERR_EIO_HANDSHAKE, "%s", texts[i]);
        ck_assert_uint_eq(got.ping_interval, 77);
        ck_assert_str_eq(sid, "untouched");
    }
}
END_TEST

START_TEST(bounds_the_sid) {
    sio_eio_handshake got;
    char sid[SIO_EIO_SID_MAX];
    sio_buf text = {0};
    for (int len = SIO_EIO_SID_MAX; len <= SIO_EIO_SID_MAX + 1; len++) {
        text.len = 0;
        sio_buf_add_text(&text, "{\"pingInterval\":1,\"pingTimeout\":1,\"sid\":\"");
        for (int i = 0; i < len; i++) {
            sio_buf_add_byte(&text, 'x');
        }
        sio_buf_add_text(&text, "\"}");
        int rc = sio_eio_handshake_read(&got, sid, (sio_bytes){text.data, text.len});
        ck_assert_int_eq(rc, len == SIO_EIO_SID_MAX ? 0 : SIO_ERR_EIO_HANDSHAKE);
    }
    sio_buf_free(&text);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_buf out;
    sio_buf_init(&out, 0, mem);
    sio_eio_handshake handshake = {SIO_STR("lv_VI97HAXpY6yYWAAAC"), true, 25000, 20000, 1000000};
    int rc = sio_eio_handshake_write(&out, &handshake);
    ck_assert(rc == 0 || out.len == 0);
    sio_buf_free(&out);
    return rc;
}

START_TEST(survives_without_memory) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("eio_handshake");
    TCase *tc = tcase_create("eio_handshake");
    tcase_add_test(tc, writes_the_keys_in_order);
    tcase_add_test(tc, refuses_bad_sids);
    tcase_add_test(tc, reads_what_a_server_writes);
    tcase_add_test(tc, reads_other_spellings);
    tcase_add_test(tc, refuses_what_is_no_handshake);
    tcase_add_test(tc, bounds_the_sid);
    tcase_add_test(tc, survives_without_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
