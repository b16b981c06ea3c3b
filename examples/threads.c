/* Eight threads emit through one client, whose loop runs in a thread of the library; hello-server
 * answers each event, and when all answers are there, the program ends. */
#include <sio/client.h>

#include <pthread.h>
#include <stdio.h>

enum { THREADS = 8, EVENTS = 100 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int replies;
static int lost;

/* Both run on the library's thread. */
static void on_reply(sio_socket *s, const sio_event *ev, void *user) {
    pthread_mutex_lock(&lock);
    replies++;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_lost(sio_client *c, const sio_event *ev, void *user) {
    pthread_mutex_lock(&lock);
    lost++;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static void *emit_from_thread(void *socket) {
    for (int i = 0; i < EVENTS; i++) {
        int rc = sio_socket_emitf(socket, "hello", "s", "thread");
        if (rc != 0) {
            on_lost(NULL, NULL, NULL);
        }
    }
    return NULL;
}

static void run_threads(sio_socket *socket) {
    pthread_t threads[THREADS];
    int started = 0;
    while (started < THREADS &&
           pthread_create(&threads[started], NULL, emit_from_thread, socket) == 0) {
        started++;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_mutex_lock(&lock);
    while (replies + lost < started * EVENTS) {
        pthread_cond_wait(&changed, &lock);
    }
    printf("%d events, %d answers\n", started * EVENTS, replies);
    pthread_mutex_unlock(&lock);
}

int main(int argc, char **argv) {
    sio_client *c;
    int rc = sio_client_new(&c, argc > 1 ? argv[1] : "http://localhost:3000", NULL);
    if (rc != 0) {
        fprintf(stderr, "%s\n", sio_error_text(rc));
        return 1;
    }
    sio_socket *s = sio_client_socket(c, "/");
    sio_socket_on(s, "reply", on_reply, NULL);
    sio_client_on(c, "lost", on_lost, NULL);
    rc = sio_client_start(c); /* from here on only what may be called from any thread */
    if (rc == 0) {
        run_threads(s);
    }
    sio_client_free(c);
    return rc != 0 || lost > 0;
}
