#include "support.h"

#include "sio_names.h"

#include <string.h>

static sio_str str(const char *text) {
    return (sio_str){text, strlen(text)};
}

START_TEST(the_reserved_events) {
    static const char *const reserved[] = {"connect",       "connect_error", "disconnect",
                                           "disconnecting", "newListener",   "removeListener"};
    for (size_t i = 0; i < 6; i++) {
        ck_assert_msg(sio_packet_is_reserved(str(reserved[i])), "%s", reserved[i]);
    }
    static const char *const free_names[] = {"",          "connection", "error",  "message",
                                             "__proto__", "Connect",    "connec", "disconnectinG"};
    for (size_t i = 0; i < 8; i++) {
        ck_assert_msg(!sio_packet_is_reserved(str(free_names[i])), "%s", free_names[i]);
    }
}
END_TEST

START_TEST(namespaces_that_can_be_written) {
    ck_assert(sio_nsp_is_valid(str("")));
    ck_assert(sio_nsp_is_valid(str("/")));
    ck_assert(sio_nsp_is_valid(str("/admin?x=1")));
    ck_assert(sio_nsp_is_valid(str("/\xc3\xa9")));
    ck_assert(!sio_nsp_is_valid(str("admin")));
    ck_assert(!sio_nsp_is_valid(str("/a,b")));
    ck_assert(!sio_nsp_is_valid(str("/a\nb")));
    ck_assert(!sio_nsp_is_valid(str("/a\x7f")));
    ck_assert(!sio_nsp_is_valid((sio_str){"/a\0b", 4}));
    ck_assert(sio_nsp_is_writable(str("/a\nb")));
    ck_assert(!sio_nsp_is_writable(str("/a,b")));
    ck_assert(!sio_nsp_is_writable(str("a")));
}
END_TEST

/* IO43 */
START_TEST(the_root_has_two_spellings) {
    ck_assert(sio_nsp_is_root(str("")));
    ck_assert(sio_nsp_is_root(str("/")));
    ck_assert(!sio_nsp_is_root(str("/a")));
    ck_assert(!sio_nsp_is_root(str("a")));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sio_names");
    TCase *tc = tcase_create("names");
    tcase_add_test(tc, the_reserved_events);
    tcase_add_test(tc, namespaces_that_can_be_written);
    tcase_add_test(tc, the_root_has_two_spellings);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
