#include "server_support.h"

#include "group.h"

static int setup(sio_server *server, unsigned index, void *user) {
    return 0;
}

START_TEST(each_member_has_a_tag) {
    sio_server *server;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.setup = setup;
    ck_assert_int_eq(sio_server_new(&server, &options), 0);
    ck_assert_int_eq(sio_group_tag(server), '\0');
    sio_server_free(server);
    options.threads = SIO_GROUP_MAX;
    ck_assert_int_eq(sio_server_new(&server, &options), 0);
    ck_assert_int_eq(sio_group_tag(server), 'A');
    ck_assert_int_eq(sio_group_tag(sio_server_member(server, 63)), '_');
    sio_server_free(server);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_group_route");
    TCase *all = tcase_create("all");
    tcase_add_test(all, each_member_has_a_tag);
    suite_add_tcase(suite, all);
    return test_run(suite);
}
