/* The environment variable DEBUG, as Node programs know it: a comma-separated list of scopes, each
 * of which may end in `*`, such as `DEBUG='engine*,socket.io:client'`. The libraries do not read
 * the environment; a program that wants this does. */
#ifndef CHAT_LOG_H
#define CHAT_LOG_H

/** For the `log` option of client and server: one line on stderr if DEBUG asks for the scope. */
void chat_log(const char *scope, const char *text, void *user);

#endif
