/**
 * @file client.hpp
 * @brief `<sio/client.h>` for C++17: objects that free themselves, and lambdas. Header only.
 *
 *     sio::client client("http://localhost:3000");
 *     sio::socket socket = client.socket();
 *     socket.on("connect", [=](const sio::event &) mutable { socket.emit("hello", "world", 42); });
 *     socket.on("reply", [](const sio::event &ev) { std::cout << ev.string(0) << "\n"; });
 *     return client.run();
 *
 * Nothing here throws but `std::bad_alloc`; results are 0 or SIO_ERR_*. Callbacks must not throw:
 * an exception that leaves one ends the program (std::terminate) and never passes through C. What
 * is said in `<sio/client.h>` about threads, lifetimes and freeing inside callbacks holds here too:
 * a `sio::client` may be destroyed in any of its callbacks.
 */
#ifndef SIO_CLIENT_HPP
#define SIO_CLIENT_HPP

#include <sio/client.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace sio {

/** Bytes, borrowed. */
struct bytes {
    const void *data;
    size_t size;
};

/** JSON text of one value, borrowed. */
struct json {
    std::string_view text;
};

/** The arguments of an event that is sent. */
class args {
  public:
    template <class... T> explicit args(const T &...values) : list_(nullptr, sio_args_unref) {
        sio_args *raw = nullptr;
        status_ = sio_args_new(&raw, nullptr);
        list_.reset(raw);
        (add(values), ...);
    }

    /** 0, or the first error; nothing is sent then. */
    int status() const noexcept {
        return status_;
    }
    const sio_args *get() const noexcept {
        return list_.get();
    }

    template <class T> args &add(const T &value) {
        if (status_ == 0) {
            status_ = append(value);
        }
        return *this;
    }

  private:
    template <class T> int append(const T &value) {
        if constexpr (std::is_same_v<T, bool>) {
            return sio_args_add_bool(list_.get(), value);
        } else if constexpr (std::is_same_v<T, std::nullptr_t>) {
            return sio_args_add_null(list_.get());
        } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
            return sio_args_add_int(list_.get(), static_cast<int64_t>(value));
        } else if constexpr (std::is_integral_v<T>) {
            return sio_args_add_uint(list_.get(), static_cast<uint64_t>(value));
        } else if constexpr (std::is_floating_point_v<T>) {
            return sio_args_add_double(list_.get(), static_cast<double>(value));
        } else if constexpr (std::is_same_v<T, bytes>) {
            return sio_args_add_binary(list_.get(),
                                       {static_cast<const uint8_t *>(value.data), value.size});
        } else if constexpr (std::is_same_v<T, std::vector<uint8_t>>) {
            return sio_args_add_binary(list_.get(), {value.data(), value.size()});
        } else if constexpr (std::is_same_v<T, json>) {
            return sio_args_add_raw(list_.get(), {value.text.data(), value.text.size()});
        } else {
            std::string_view text(value);
            return sio_args_add_str(list_.get(), {text.data(), text.size()});
        }
    }

    std::unique_ptr<sio_args, void (*)(sio_args *)> list_;
    int status_;
};

/** Something that happened; borrowed for the callback. */
class event {
  public:
    explicit event(const sio_event *raw) noexcept : raw_(raw) {
    }

    const sio_event *get() const noexcept {
        return raw_;
    }
    std::string_view name() const noexcept {
        return view(raw_->name);
    }
    size_t size() const noexcept {
        return sio_event_count(raw_);
    }
    sio_kind kind(size_t i) const noexcept {
        return sio_event_kind(raw_, i);
    }
    std::string_view string(size_t i) const noexcept {
        return view(sio_event_str(raw_, i));
    }
    int64_t integer(size_t i) const noexcept {
        return sio_event_int(raw_, i);
    }
    double number(size_t i) const noexcept {
        return sio_event_double(raw_, i);
    }
    bool boolean(size_t i) const noexcept {
        return sio_event_bool(raw_, i);
    }
    bytes binary(size_t i) const noexcept {
        sio_bytes data = sio_event_binary(raw_, i);
        return {data.ptr, data.len};
    }
    /** The JSON text of an argument. */
    std::string_view raw(size_t i) const noexcept {
        return view(sio_args_raw(raw_->args, i));
    }

    /** SIO_OK, or why there is no answer, or what failed. */
    int status() const noexcept {
        return raw_->status;
    }
    std::string_view reason() const noexcept {
        return raw_->reason ? std::string_view(raw_->reason) : std::string_view();
    }
    std::string_view data() const noexcept {
        return view(raw_->data);
    }

    bool wants_ack() const noexcept {
        return raw_->ack != nullptr;
    }
    /** Acknowledge. @return 0, SIO_ERR_NOT_FOUND when nobody asked, or as sio_ack_send() */
    template <class... T> int ack(const T &...values) const {
        if (!raw_->ack) {
            return SIO_ERR_NOT_FOUND;
        }
        args list(values...);
        return list.status() != 0 ? list.status() : sio_ack_send(raw_->ack, list.get());
    }

  private:
    static std::string_view view(sio_str text) noexcept {
        return text.len > 0 ? std::string_view(text.ptr, text.len) : std::string_view();
    }
    const sio_event *raw_;
};

using event_fn = std::function<void(const event &)>;
/** Names a handler, to remove it; 0: none, there was no memory. */
using handler_id = uint64_t;

/** The credentials that were asked for. Destroyed without an answer it fails the attempt. */
class auth_request {
  public:
    explicit auth_request(sio_auth_request *raw) noexcept : raw_(raw) {
    }
    auth_request(auth_request &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {
    }
    auth_request &operator=(auth_request &&other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~auth_request() {
        if (raw_) {
            (void)sio_auth_fail(raw_, nullptr);
        }
    }
    int answer(const std::string &object) {
        if (!raw_) {
            return SIO_ERR_STATE;
        }
        int rc = sio_auth_answer(raw_, object.c_str());
        raw_ = rc == 0 || rc == SIO_ERR_DISCONNECTED ? nullptr : raw_;
        return rc;
    }
    int fail(const std::string &message) {
        sio_auth_request *raw = std::exchange(raw_, nullptr);
        return raw ? sio_auth_fail(raw, message.c_str()) : SIO_ERR_STATE;
    }

  private:
    sio_auth_request *raw_;
};

using auth_fn = std::function<void(auth_request)>;

namespace detail {

enum class list { named, once, any, outgoing, client };

struct registry;

/* A callback that C knows by its address. Whoever runs it keeps it, so that it may remove itself.
 */
struct handler : std::enable_shared_from_this<handler> {
    event_fn fn;
    std::string name;
    list kind = list::named;
    void *object = nullptr;
    handler_id id = 0;
    std::weak_ptr<registry> home;
};

struct auth_handler : std::enable_shared_from_this<auth_handler> {
    auth_fn fn;
};

struct registry {
    std::map<handler_id, std::shared_ptr<handler>> handlers;
    std::map<sio_socket *, std::shared_ptr<auth_handler>> auths;
    handler_id last = 0;
};

inline void run(const sio_event *raw, void *user) noexcept {
    std::shared_ptr<handler> self = static_cast<handler *>(user)->shared_from_this();
    if (self->kind == list::once) {
        if (std::shared_ptr<registry> home = self->home.lock()) {
            home->handlers.erase(self->id);
        }
    }
    self->fn(event(raw));
}

inline void on_socket(sio_socket *, const sio_event *raw, void *user) noexcept {
    run(raw, user);
}
inline void on_client(sio_client *, const sio_event *raw, void *user) noexcept {
    run(raw, user);
}

inline void on_auth(sio_socket *, sio_auth_request *request, void *user) noexcept {
    std::shared_ptr<auth_handler> self = static_cast<auth_handler *>(user)->shared_from_this();
    self->fn(auth_request(request));
}

inline void on_reply(const sio_event *raw, void *user) noexcept {
    std::unique_ptr<event_fn> fn(static_cast<event_fn *>(user));
    (*fn)(event(raw));
}

using task = std::function<void()>;

inline void on_post(void *user) noexcept {
    std::unique_ptr<task> fn(static_cast<task *>(user));
    (*fn)();
}

inline void on_drop(void *user) noexcept {
    delete static_cast<task *>(user);
}

inline int attach(handler &self) {
    auto *socket = static_cast<sio_socket *>(self.object);
    switch (self.kind) {
    case list::named:
        return sio_socket_on(socket, self.name.c_str(), on_socket, &self);
    case list::once:
        return sio_socket_once(socket, self.name.c_str(), on_socket, &self);
    case list::any:
        return sio_socket_on_any(socket, on_socket, &self);
    case list::outgoing:
        return sio_socket_on_any_outgoing(socket, on_socket, &self);
    case list::client:
        break;
    }
    return sio_client_on(static_cast<sio_client *>(self.object), self.name.c_str(), on_client,
                         &self);
}

inline void detach(handler &self) noexcept {
    auto *socket = static_cast<sio_socket *>(self.object);
    switch (self.kind) {
    case list::named:
    case list::once:
        (void)sio_socket_off(socket, self.name.c_str(), on_socket, &self);
        break;
    case list::any:
        (void)sio_socket_off(socket, nullptr, on_socket, &self);
        break;
    case list::outgoing:
        (void)sio_socket_off_any_outgoing(socket, on_socket, &self);
        break;
    case list::client:
        (void)sio_client_off(static_cast<sio_client *>(self.object), self.name.c_str(), on_client,
                             &self);
        break;
    }
}

inline handler_id add(const std::shared_ptr<registry> &home, void *object, list kind,
                      std::string name, event_fn fn) {
    auto self = std::make_shared<handler>();
    self->fn = std::move(fn);
    self->name = std::move(name);
    self->kind = kind;
    self->object = object;
    self->home = home;
    self->id = ++home->last;
    home->handlers.emplace(self->id, self);
    if (attach(*self) != 0) {
        home->handlers.erase(self->id);
        return 0;
    }
    return self->id;
}

inline bool remove(const std::shared_ptr<registry> &home, handler_id id) {
    auto at = home->handlers.find(id);
    if (at == home->handlers.end()) {
        return false;
    }
    std::shared_ptr<handler> self = at->second;
    home->handlers.erase(at);
    detach(*self);
    return true;
}

} // namespace detail

/** A namespace of a client: a light handle, copied freely, valid as long as its client. */
class socket {
  public:
    socket(sio_socket *raw, std::weak_ptr<detail::registry> home)
        : raw_(raw), home_(std::move(home)) {
    }

    sio_socket *get() const noexcept {
        return raw_;
    }
    explicit operator bool() const noexcept {
        return raw_ != nullptr;
    }

    handler_id on(std::string event, event_fn fn) {
        return add(detail::list::named, std::move(event), std::move(fn));
    }
    handler_id once(std::string event, event_fn fn) {
        return add(detail::list::once, std::move(event), std::move(fn));
    }
    handler_id on_any(event_fn fn) {
        return add(detail::list::any, {}, std::move(fn));
    }
    handler_id on_any_outgoing(event_fn fn) {
        return add(detail::list::outgoing, {}, std::move(fn));
    }
    /** @return whether there was one */
    bool off(handler_id id) {
        std::shared_ptr<detail::registry> home = home_.lock();
        return home && detail::remove(home, id);
    }

    /** Send an event. Arguments: text, numbers, booleans, nullptr, sio::bytes,
     * std::vector<uint8_t>, sio::json. Any thread. @return as sio_socket_emit() */
    template <class... T> int emit(const std::string &event, const T &...values) {
        return send(event, nullptr, args(values...));
    }
    /** As emit(), with the settings of `<sio/event.h>`. */
    template <class... T>
    int emit_with(const sio_emit_options &options, const std::string &event, const T &...values) {
        return send(event, &options, args(values...));
    }
    /** Send an event and have `fn` called exactly once, with the answer or with the error in
     * `status()`, unless an error is returned. @param timeout zero: the socket's default */
    template <class... T>
    int emit_ack(const std::string &event, std::chrono::milliseconds timeout, event_fn fn,
                 const T &...values) {
        auto box = std::make_unique<event_fn>(std::move(fn));
        sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
        options.on_ack = detail::on_reply;
        options.user = box.get();
        options.timeout_ms = static_cast<uint32_t>(timeout.count());
        int rc = send(event, &options, args(values...));
        if (rc == 0) {
            (void)box.release(); /* the callback's from here on; it may have run already */
        }
        return rc;
    }

    int connect() noexcept {
        return sio_socket_connect(raw_);
    }
    void disconnect() noexcept {
        sio_socket_disconnect(raw_);
    }
    bool connected() const noexcept {
        return sio_socket_connected(raw_);
    }
    bool active() const noexcept {
        return sio_socket_active(raw_);
    }
    bool recovered() const noexcept {
        return sio_socket_recovered(raw_);
    }
    std::string id() const {
        return sio_socket_id(raw_);
    }
    std::string nsp() const {
        return sio_socket_namespace(raw_);
    }

    int set_auth(const std::string &object) {
        return sio_socket_set_auth(raw_, object.c_str());
    }
    /** Ask for the credentials before each CONNECT. */
    void set_auth(auth_fn fn) {
        std::shared_ptr<detail::registry> home = home_.lock();
        if (home) {
            auto self = std::make_shared<detail::auth_handler>();
            self->fn = std::move(fn);
            home->auths[raw_] = self;
            sio_socket_set_auth_fn(raw_, detail::on_auth, self.get());
        }
    }
    void set_retries(uint32_t retries) noexcept {
        sio_socket_set_retries(raw_, retries);
    }
    void set_ack_timeout(std::chrono::milliseconds timeout) noexcept {
        sio_socket_set_ack_timeout(raw_, static_cast<uint32_t>(timeout.count()));
    }

  private:
    handler_id add(detail::list kind, std::string event, event_fn fn) {
        std::shared_ptr<detail::registry> home = home_.lock();
        return home ? detail::add(home, raw_, kind, std::move(event), std::move(fn)) : 0;
    }
    int send(const std::string &event, const sio_emit_options *options, const args &list) {
        return list.status() != 0 ? list.status()
                                  : sio_socket_emit(raw_, event.c_str(), list.get(), options);
    }

    sio_socket *raw_;
    std::weak_ptr<detail::registry> home_;
};

/** A connection, with its namespaces. */
class client {
  public:
    explicit client(const std::string &url, const sio_client_options *options = nullptr)
        : home_(std::make_shared<detail::registry>()) {
        status_ = sio_client_new(&raw_, url.c_str(), options);
    }
    client(const client &) = delete;
    client &operator=(const client &) = delete;
    client(client &&other) noexcept
        : raw_(std::exchange(other.raw_, nullptr)), home_(std::move(other.home_)),
          status_(std::exchange(other.status_, SIO_ERR_STATE)) {
    }
    client &operator=(client &&other) noexcept {
        std::swap(raw_, other.raw_);
        std::swap(home_, other.home_);
        std::swap(status_, other.status_);
        return *this;
    }
    ~client() {
        sio_client_free(raw_);
    }

    /** 0, or why there is no client: then nothing else may be called. */
    int status() const noexcept {
        return status_;
    }
    explicit operator bool() const noexcept {
        return status_ == 0;
    }
    sio_client *get() const noexcept {
        return raw_;
    }

    /** The namespace of the URL. */
    sio::socket socket() {
        return {sio_client_socket(raw_, nullptr), home_};
    }
    /** It is false when there is no memory or the name is none. */
    sio::socket socket(const std::string &nsp) {
        return {sio_client_socket(raw_, nsp.c_str()), home_};
    }

    handler_id on(std::string event, event_fn fn) {
        return detail::add(home_, raw_, detail::list::client, std::move(event), std::move(fn));
    }
    bool off(handler_id id) {
        return detail::remove(home_, id);
    }

    int run() {
        return sio_client_run(raw_);
    }
    int start() noexcept {
        return sio_client_start(raw_);
    }
    void stop() noexcept {
        sio_client_stop(raw_);
    }
    void close() noexcept {
        sio_client_close(raw_);
    }
    int open() noexcept {
        return sio_client_open(raw_);
    }

    /** Call `fn` on the loop's thread. Any thread. */
    int post(std::function<void()> fn) {
        auto box = std::make_unique<detail::task>(std::move(fn));
        int rc = sio_client_post(raw_, detail::on_post, detail::on_drop, box.get());
        if (rc == 0) {
            (void)box.release(); /* the callback's from here on */
        }
        return rc;
    }

    const sio_client_error *last_error() const noexcept {
        return sio_client_last_error(raw_);
    }

  private:
    sio_client *raw_ = nullptr;
    std::shared_ptr<detail::registry> home_;
    int status_;
};

} // namespace sio

#endif
