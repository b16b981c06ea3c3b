// The C++ wrapper against our own server, both on one event base.
#include <sio/client.hpp>
#include <sio/server.h>

#include <event2/event.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>

static int cases;

static void check(bool good, const char *what) {
    std::printf("%s %d - %s\n", good ? "ok" : "not ok", ++cases, what);
}

static void on_echo(sio_peer *peer, const sio_event *ev, void *) {
    if (ev->ack) {
        sio_ack_send(ev->ack, ev->args);
    } else {
        sio_peer_emit(peer, "echo", ev->args, nullptr);
    }
}

static void on_ask(sio_peer *peer, const sio_event *, void *) {
    sio_peer_emit_ackf(
        peer, "question", 0,
        [](const sio_event *reply, void *user) {
            sio_peer_emitf(static_cast<sio_peer *>(user), "answered", "I", sio_event_int(reply, 0));
        },
        peer, "s", "how many?");
}

struct fixture {
    event_base *base = event_base_new();
    sio_server *server = nullptr;
    std::string url;
    sio_client_options options = SIO_CLIENT_OPTIONS_INIT;

    fixture() {
        sio_server_options o = SIO_SERVER_OPTIONS_INIT;
        o.base = base;
        if (sio_server_new(&server, &o) != 0 || sio_server_listen(server, "127.0.0.1", 0) != 0) {
            std::abort();
        }
        sio_namespace *ns = sio_server_of(server, "/");
        sio_namespace_on(ns, "echo", on_echo, nullptr);
        sio_namespace_on(ns, "ask", on_ask, nullptr);
        url = "http://127.0.0.1:" + std::to_string(sio_server_port(server));
        options.base = base;
    }
    ~fixture() {
        sio_server_free(server);
        event_base_free(base);
    }
    void until(const bool &done) {
        timeval limit = {20, 0};
        event_base_loopexit(base, &limit);
        while (!done && !event_base_got_exit(base)) {
            event_base_loop(base, EVLOOP_ONCE);
        }
    }
};

static void values(fixture &f) {
    sio::client client(f.url, &f.options);
    sio::socket socket = client.socket();
    bool done = false, good = false;
    socket.once("connect", [&](const sio::event &) {
        std::vector<uint8_t> data{1, 2, 3};
        check(socket.emit("echo", "text", std::string("more"), 42, 1u << 31, -1.5, true, nullptr,
                          data, sio::bytes{"xy", 2}, sio::json{"{\"a\":[1]}"}) == 0,
              "all kinds of arguments are taken");
    });
    socket.on("echo", [&](const sio::event &ev) {
        good = ev.size() == 10 && ev.string(0) == "text" && ev.string(1) == "more" &&
               ev.integer(2) == 42 && ev.integer(3) == INT64_C(2147483648) &&
               ev.number(4) == -1.5 && ev.boolean(5) && ev.kind(6) == SIO_KIND_NULL &&
               ev.binary(7).size == 3 && ev.binary(8).size == 2 && ev.raw(9) == "{\"a\":[1]}";
        done = true;
    });
    f.until(done);
    check(good, "and come back");
    check(socket.connected() && !socket.id().empty() && socket.nsp() == "/", "attributes");
}

static void replies(fixture &f) {
    sio::client client(f.url, &f.options);
    sio::socket socket = client.socket("/");
    bool done = false;
    int64_t answer = 0;
    int64_t answered = 0;
    socket.on("question", [&](const sio::event &ev) {
        if (ev.wants_ack()) {
            ev.ack(7);
        }
    });
    socket.on("answered", [&](const sio::event &ev) {
        answered = ev.integer(0);
        done = true;
    });
    socket.emit_ack(
        "echo", std::chrono::seconds(10),
        [&, keep = std::make_unique<int>(5).release()](const sio::event &ev) {
            answer = ev.status() == SIO_OK ? ev.integer(0) + *keep : -1;
            delete keep;
            socket.emit("ask");
        },
        1);
    f.until(done);
    check(answer == 6, "an acknowledgement comes to its lambda");
    check(answered == 7, "a question is answered");
    check(socket.emit("connect") == SIO_ERR_RESERVED, "errors are returned");
    bool called = false;
    check(socket.emit_ack("connect", std::chrono::seconds(1),
                          [&](const sio::event &) { called = true; }) == SIO_ERR_RESERVED &&
              !called,
          "a callback is not called when an error is returned");
}

static void lifetimes(fixture &f) {
    auto token = std::make_shared<int>(1);
    bool done = false;
    int status = 0;
    {
        std::optional<sio::client> client(std::in_place, f.url, &f.options);
        sio::socket socket = client->socket();
        sio::handler_id self = 0;
        self = socket.on("connect", [&, token](const sio::event &) {
            check(socket.off(self), "a handler removes itself");
            socket.emit_ack("nobody answers", std::chrono::milliseconds(0),
                            [&, token](const sio::event &ev) { status = ev.status(); });
            client.reset(); // inside its own callback
            done = true;
        });
        f.until(done);
        check(!client && !socket.off(self), "a client is destroyed in its callback");
    }
    event_base_loop(f.base, EVLOOP_NONBLOCK);
    check(status == SIO_ERR_DISCONNECTED, "what was awaited ended once");
    check(token.use_count() == 1, "every lambda was destroyed");
    sio::client broken("nonsense");
    check(!broken && broken.status() == SIO_ERR_URL, "an impossible URL");
}

static void credentials(fixture &f) {
    sio::client client(f.url, &f.options);
    sio::socket socket = client.socket();
    bool done = false, failed = false;
    int asked = 0;
    socket.set_auth([&](sio::auth_request request) {
        if (asked++ == 0) {
            return; // destroyed without an answer
        }
        check(request.answer("[") == SIO_ERR_JSON_SYNTAX && request.answer("{\"t\":1}") == 0,
              "credentials are answered");
    });
    socket.on("connect_error", [&](const sio::event &ev) {
        failed = ev.status() == SIO_ERR_SIO_AUTH;
        socket.connect();
    });
    socket.on("connect", [&](const sio::event &) { done = true; });
    f.until(done);
    check(done && failed && asked == 2, "and asked for again");
}

static void threads() {
    fixture f;
    sio_client_options own = SIO_CLIENT_OPTIONS_INIT;
    sio::client client(f.url, &own);
    sio::socket socket = client.socket();
    bool done = false;
    std::thread other([&] {
        for (int i = 0; i < 10; i++) {
            socket.emit("echo", i);
        }
    });
    other.join();
    int got = 0;
    socket.on("echo", [&](const sio::event &) {
        if (++got == 10) {
            client.stop();
        }
    });
    std::thread server([&] { f.until(done); });
    client.run();
    client.post([&] { got++; });
    sio_server_post(
        f.server, [](void *user) { *static_cast<bool *>(user) = true; }, nullptr, &done);
    server.join();
    check(got >= 10, "events of another thread");
}

int main() {
    {
        fixture f;
        values(f);
        replies(f);
        lifetimes(f);
        credentials(f);
    }
    threads();
    std::printf("1..%d\n", cases);
    return 0;
}
