/* The first request of a session, which handlers may ask for as long as the session lives, kept as
 * small as it can be: most are never asked for.
 *
 * Clients of one kind send the same lines. What does not differ between them, that is names and the
 * values of lines such as User-Agent, stands in one block that they share, a form. What differs
 * (the target, keys, cookies) lies behind the session. */
#ifndef SIO_SERVER_KEPT_REQUEST_H
#define SIO_SERVER_KEPT_REQUEST_H

#include <net/table.h>
#include <sio/http1.h>

/* Forms are shared up to this number and size, so that clients that are all different cost no more
 * than their own lines. */
enum { SIO_REQUEST_FORMS_MAX = 1024, SIO_REQUEST_FORM_BYTES_MAX = 2048 };

typedef struct sio_request_form sio_request_form;

/* Those of an engine. */
typedef struct sio_request_forms {
    sio_table shared; /* by their bytes */
    const sio_mem *mem;
} sio_request_forms;

/* Errors: SIO_ERR_RANDOM. */
int sio_request_forms_init(sio_request_forms *forms, sio_loop *loop);
/* No request that was kept with them is left. */
void sio_request_forms_done(sio_request_forms *forms);

/* All-zero is none. */
typedef struct sio_kept_request {
    sio_request_form *form;
    const uint8_t *own;
    sio_http1_head *whole; /* made when asked for */
} sio_kept_request;

/* How many bytes the request needs for itself. */
size_t sio_kept_request_size(const sio_http1_head *head);

/* Keep a request. `own` has room for those bytes, and stays where it is.
 * Errors: SIO_ERR_NOMEM; then it is as all-zero. */
int sio_kept_request_init(sio_kept_request *kept, sio_request_forms *forms,
                          const sio_http1_head *head, uint8_t *own);
void sio_kept_request_done(sio_kept_request *kept, sio_request_forms *forms);

/* As the parser gave it, made once and then kept, too. Without memory for it, one without texts. */
const sio_http1_head *sio_kept_request_head(sio_kept_request *kept, const sio_mem *mem);

/* The same without making it. */
sio_str sio_kept_request_target(const sio_kept_request *kept);
/* The value of the first line with this name, compared without case. `ptr` is NULL without one. */
sio_str sio_kept_request_find(const sio_kept_request *kept, sio_str name);

/* The header lines in their order:
 *     sio_kept_lines lines = sio_kept_request_lines(kept);
 *     while (sio_kept_lines_next(&lines, &header)) */
typedef struct sio_kept_lines {
    const uint8_t *form;
    const uint8_t *own;
    size_t left;
} sio_kept_lines;

sio_kept_lines sio_kept_request_lines(const sio_kept_request *kept);
bool sio_kept_lines_next(sio_kept_lines *lines, sio_http1_header *out);

#endif
