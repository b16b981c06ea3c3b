/* Clients that are found again by where they connect to. */
#include "client_fixture.h"

#include <sio/client_cache.h>

static sio_client_cache *cache;
static sio_socket *sockets[8];
static size_t count;

static void setup(void) {
    client_setup();
    ck_assert_int_eq(sio_client_cache_new(&cache, NULL), 0);
    count = 0;
}

static void teardown(void) {
    sio_client *clients[8];
    for (size_t i = 0; i < count; i++) {
        clients[i] = sio_socket_client(sockets[i]);
    }
    for (size_t i = 0; i < count; i++) {
        sio_client_unref(clients[i]);
    }
    sio_client_cache_free(cache);
    client_teardown();
}

static sio_client *io_path(const char *url, const char *path, bool force_new) {
    sio_client_options o = client_options();
    o.path = path;
    ck_assert_int_eq(sio_client_cache_socket(&sockets[count], cache, url, &o, force_new), 0);
    return sio_socket_client(sockets[count++]);
}

static sio_client *io(const char *url) {
    return io_path(url, NULL, false);
}

/* IO49 */
START_TEST(same_namespace_twice_is_two_clients) { /* SC-03 SC-04 */
    sio_client *first = io("http://h:3000/a");
    ck_assert_ptr_ne(first, io("http://h:3000/a?k=v"));
    sio_socket_disconnect(sockets[0]);
    ck_assert_ptr_ne(first, io("http://h:3000/a")); /* disconnected ones count as well */
}
END_TEST

START_TEST(other_namespaces_share_one) { /* SC-06 SU-05 SU-06 SU-07 SU-09 */
    sio_client *first = io("http://h/a");
    ck_assert_ptr_eq(first, io("http://h:80/b"));
    ck_assert_str_eq(sio_socket_namespace(sockets[1]), "/b");
    ck_assert_ptr_eq(first, io("ws://h"));
    ck_assert_str_eq(sio_socket_namespace(sockets[2]), "/");
    ck_assert_ptr_ne(first, io("http://[::1]/c"));
    ck_assert_ptr_eq(sio_socket_client(sockets[3]), io("http://[::1]:80/d"));
}
END_TEST

START_TEST(what_keeps_them_apart) { /* SC-05 SU-05 */
    sio_client *first = io("http://h/a");
    ck_assert_ptr_ne(first, io_path("http://h/b", "/other", false));
    ck_assert_ptr_ne(first, io_path("http://h/c", NULL, true));
    ck_assert_ptr_ne(first, io("http://h:81/d"));
    ck_assert_ptr_ne(first, io("http://i/e"));
    ck_assert_ptr_eq(first, io("http://h/f"));
}
END_TEST

START_TEST(what_is_no_url) { /* SU-01 SU-02 SU-03 SU-04 */
    static const char *const urls[] = {"", "/path", "localhost:3000", "//host", "HTTP://h"};
    sio_socket *socket;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        ck_assert_int_eq(sio_client_cache_socket(&socket, cache, urls[i], NULL, false),
                         SIO_ERR_URL);
    }
    ck_assert_int_eq(sio_client_cache_socket(&socket, cache, NULL, NULL, false), SIO_ERR_URL);
    ck_assert_int_eq(sio_client_cache_socket(&socket, cache, "http://h/a,b", NULL, false),
                     SIO_ERR_SIO_NAMESPACE);
}
END_TEST

START_TEST(a_freed_client_is_not_found) {
    sio_client_options o = client_options();
    sio_socket *socket = NULL;
    ck_assert_int_eq(sio_client_cache_socket(&socket, cache, "http://h/a", &o, false), 0);
    sio_client_unref(sio_client_ref(sio_socket_client(socket)));
    sio_client_unref(sio_socket_client(socket));
    ck_assert_uint_eq(fake_live(), 0);
    io("http://h/a");
    ck_assert_uint_eq(fake_made(), 2);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_client_cache *own = NULL;
    sio_socket *socket = NULL, *second = NULL;
    sio_client_options o = client_options();
    o.mem = mem;
    int rc = sio_client_cache_new(&own, mem);
    if (rc == 0) {
        rc = sio_client_cache_socket(&socket, own, "http://h/a", &o, false);
    }
    if (rc == 0) {
        rc = sio_client_cache_socket(&second, own, "http://h/b", &o, false);
    }
    sio_client_cache_free(own);
    sio_client_unref(second ? sio_socket_client(second) : NULL);
    sio_client_unref(socket ? sio_socket_client(socket) : NULL);
    trace_clear();
    return rc;
}

START_TEST(out_of_memory) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_cache");
    TCase *tc = tcase_create("cache");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, same_namespace_twice_is_two_clients);
    tcase_add_test(tc, other_namespaces_share_one);
    tcase_add_test(tc, what_keeps_them_apart);
    tcase_add_test(tc, what_is_no_url);
    tcase_add_test(tc, a_freed_client_is_not_found);
    tcase_add_test(tc, out_of_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
