/* What DEBUG chooses in the examples. */
#include "support.h"

#include "../../examples/debug_log.h"

START_TEST(chooses_as_in_javascript) {
    static const struct {
        const char *list;
        const char *scope;
        bool enabled;
    } rows[] = {
        {NULL, "engine", false},
        {"", "engine", false},
        {"engine", "engine", true},
        {"engine", "engine:ws", false},
        {"engine*", "engine", true},
        {"engine*", "engine:ws", true},
        {"engine:*", "engine", false},
        {"engine*", "socket.io:client", false},
        {"*", "net:tls", true},
        {"engine*,socket.io:*,-engine:ws", "engine:ws", false},
        {"engine*,socket.io:*,-engine:ws", "engine:polling", true},
        {"engine*,socket.io:*,-engine:ws", "socket.io:server", true},
        {"-engine:ws engine*", "engine:ws", false},
        {" , engine ,, ", "engine", true},
        {"-*,engine", "engine", false},
        {"-", "engine", false},
        {"*:ws", "engine:ws", true},
        {"*:ws", "engine:wss", false},
        {"*o*:c*t", "socket.io:client", true},
        {"**", "engine", true},
        {"e*e*x", "engine", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_msg(debug_log_enabled(rows[i].list, rows[i].scope) == rows[i].enabled, "row %zu",
                      i);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("debug log");
    TCase *tc = tcase_create("debug log");
    tcase_add_test(tc, chooses_as_in_javascript);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
