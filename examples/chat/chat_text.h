/* Text that came from somebody else: what the chat accepts as a name or a message, and how it is
 * shown on a terminal. */
#ifndef CHAT_TEXT_H
#define CHAT_TEXT_H

#include <sio/types.h>

#include <stdio.h>

/* Lengths count code points, of which UTF-8 needs at most four bytes each. */
enum { CHAT_NICK_CHARS = 24, CHAT_ROOM_CHARS = 32, CHAT_FILE_CHARS = 100, CHAT_TEXT_CHARS = 2000 };
#define CHAT_UTF8_SIZE(chars) ((chars)*4 + 1)

/** Whether a text may hold line breaks and tabs. */
typedef enum chat_lines { CHAT_ONE_LINE, CHAT_MANY_LINES } chat_lines;

/** Trim white space and check the rest: neither empty nor longer than `max_chars`, no control
 * characters, and in a single line none that hide or reorder what stands beside them.
 * @param out CHAT_UTF8_SIZE(max_chars) bytes, written only on success
 * @param text valid UTF-8, as everything libsio hands out */
bool chat_text_clean(char *out, sio_str text, size_t max_chars, chat_lines lines);

/** Print text from the network: escape sequences must not reach the terminal. Lines after the first
 * are indented. */
void chat_text_print(FILE *stream, sio_str text);

/** chat_text_print() of NUL-terminated text, and a line end. */
void chat_text_print_line(FILE *stream, const char *text);

#endif
