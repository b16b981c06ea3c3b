/* The parts of chat-terminal: terminal.c connects and prints, terminal_input.c reads lines,
 * terminal_file.c reads and writes files. */
#ifndef CHAT_TERMINAL_H
#define CHAT_TERMINAL_H

#include <sio/client.h>

#include <stdint.h>

struct event;
struct event_base;
struct evbuffer;

enum { TERMINAL_ACK_MS = 10000, TERMINAL_FILE_BYTES = 1 << 20 };

struct terminal {
    struct event_base *base;
    sio_client *client;
    sio_socket *socket;
    const char *nick;
    char *room;           /**< the room we are in, or want to be in when connected again */
    const char *save_dir; /**< NULL: received files are not kept */
    sio_args *members;    /**< what the server said last about who is here; NULL before */
    int64_t newest;       /**< a history that comes again after a reconnection starts behind it */
    bool joined;
    bool failed; /**< the exit status tells */

    struct event *readable; /**< stdin */
    struct evbuffer *typed; /**< what was read and not handled yet */
    bool waiting;           /**< the server has not answered the last line yet */
    bool ended;             /**< nothing more comes from stdin */
    bool skipping;          /**< inside a line that is too long */
};

/** Go to another room.
 * @param room copied */
void terminal_join(struct terminal *terminal, const char *room);

/** Print who is in the room. */
void terminal_print_members(const struct terminal *terminal);

/** Leave: the loop ends once everything was written. */
void terminal_quit(struct terminal *terminal);

/** Prepare to read stdin. @return 0 or a SIO_ERR code */
int terminal_input_open(struct terminal *terminal);

/** Handle what was typed, line by line, until one must wait for the server's answer; read more when
 * there is no whole line. */
void terminal_input_continue(struct terminal *terminal);

/** Stop reading; NULL fields are allowed. */
void terminal_input_close(struct terminal *terminal);

/** Read a file that is to be sent.
 * @param out owned by the caller, freed with free()
 * @return its size; 0 when it cannot be sent, which was then said on stderr */
size_t terminal_file_read(uint8_t **out, const char *path);

/** The media type that goes with a file's name. */
const char *terminal_file_type(const char *path);

/** Save a received file in a folder, under a name that is safe there and new. */
void terminal_file_save(const char *folder, sio_str name, sio_bytes data);

#endif
