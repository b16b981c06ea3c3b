/* Reads files of golden vectors (README.md has their format) and compares what a test's own
 * function logs for each case with the log that the file holds. Prints TAP. */
#ifndef TESTS_GOLDEN_GOLDEN_H
#define TESTS_GOLDEN_GOLDEN_H

#include <sio/buffer.h>
#include <sio/types.h>

enum { GOLDEN_LINES_MAX = 32 };

/* The lines of one case with the same key. */
typedef struct golden_lines {
    sio_str line[GOLDEN_LINES_MAX];
    size_t count;
} golden_lines;

typedef struct golden_case {
    sio_str name;
    sio_str op;
    golden_lines packet; /* what is to be encoded */
    golden_lines data;
    golden_lines in;  /* what is to be decoded: `text ...` or `hex ...` */
    golden_lines out; /* the expected log: where the case has `c` lines, those */
    bool differs;     /* from the reference, which then is in `js` lines that are not read */
} golden_case;

/* Append one log line for each thing that happened, ended by '\n'. */
typedef void (*golden_run)(const golden_case *test, sio_buf *log);

/* Run the cases of each file named in `argv`. Returns the exit status. */
int golden_main(int argc, char **argv, golden_run run);

/* Append bytes as the files spell them; `spaces` leaves U+0020 as it is. */
void golden_escape(sio_buf *out, const void *data, size_t len, bool spaces);

/* Append the bytes that a spelling stands for; aborts on a bad one. */
void golden_unescape(sio_buf *out, sio_str text);
void golden_unhex(sio_buf *out, sio_str digits);
void golden_hex(sio_buf *out, sio_bytes data);

/* Append what `text ...` or `hex ...` stands for; true for hex. The reverse appends no '\n'. */
bool golden_read_datum(sio_buf *out, sio_str datum);
void golden_write_datum(sio_buf *out, bool binary, sio_bytes data);

/* Cut the first word off a line, with the space behind it. */
sio_str golden_word(sio_str *line);

bool golden_is(sio_str text, const char *word);

/* The test cannot go on: out of memory, or a file that is not as it should be. */
#define GOLDEN_NEED(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            golden_stop(__FILE__, __LINE__, #condition);                                           \
        }                                                                                          \
    } while (0)
void golden_stop(const char *file, int line, const char *what) __attribute__((noreturn));

#endif
