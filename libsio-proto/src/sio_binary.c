/* Partial packets: the text is copied behind the struct, all attachments but the last into one
 * buffer. When the last one comes the text is read once more: that is cheaper than keeping an
 * argument list for each connection, and the packet comes out exactly as a text packet does. */
#include "sio_binary.h"

#include <sio/msgpack.h>

#include "mem.h"
#include "sio_decode.h"

#include <string.h>

struct sio_partial {
    sio_buf bytes; /* of the attachments */
    size_t left;   /* how many more may come */
    size_t text_len;
    uint32_t expected;
    uint32_t arrived; /* all of them once the packet was delivered */
    size_t ends[];    /* of each attachment but the last, in `bytes`; behind them the text */
};

/* A message is limited to 1 MB by default, and attachments to 10. */
enum { DEFAULT_MAX_PARTIAL = 11000000 };

static void partial_free(struct sio_partial *partial, const sio_mem *mem) {
    if (partial) {
        sio_buf_free(&partial->bytes);
        sio_mem_release(mem, partial);
    }
}

int sio_partial_new(struct sio_partial **out, const sio_decoder_options *options, sio_str text,
                    uint32_t attachments) {
    size_t max = options->max_partial_bytes != 0 ? options->max_partial_bytes : DEFAULT_MAX_PARTIAL;
    size_t head = sizeof(struct sio_partial) + (size_t)(attachments - 1) * sizeof(size_t);
    if (text.len > max || text.len > SIZE_MAX - head) {
        return SIO_ERR_LIMIT;
    }
    struct sio_partial *partial = sio_mem_alloc(options->mem, head + text.len);
    if (!partial) {
        return SIO_ERR_NOMEM;
    }
    sio_buf_init(&partial->bytes, 0, options->mem);
    partial->left = max - text.len;
    partial->text_len = text.len;
    partial->expected = attachments;
    partial->arrived = 0;
    memcpy((uint8_t *)partial + head, text.ptr, text.len);
    *out = partial;
    return 0;
}

static const char *partial_text(const struct sio_partial *partial) {
    return (const char *)&partial->ends[partial->expected - 1];
}

static int partial_add(struct sio_partial *partial, const uint8_t *data, size_t len) {
    if (len > partial->left) {
        return SIO_ERR_LIMIT;
    }
    int rc = sio_buf_add(&partial->bytes, data, len);
    if (rc == 0) {
        partial->left -= len;
        partial->ends[partial->arrived++] = partial->bytes.len;
    }
    return rc;
}

static int partial_finish(const sio_decoder *decoder, sio_args *scratch, sio_bytes last,
                          sio_packet *out) {
    const struct sio_partial *partial = decoder->partial;
    const sio_buf *bytes = &partial->bytes;
    if (last.len > partial->left) {
        return SIO_ERR_LIMIT;
    }
    sio_packet packet;
    uint32_t count;
    int rc = sio_packet_read(decoder->options, scratch, partial_text(partial), partial->text_len,
                             &packet, &count);
    /* Attachments without bytes are somewhere, too. */
    const uint8_t *first = bytes->data ? bytes->data : (const uint8_t *)partial_text(partial);
    size_t from = 0;
    for (uint32_t i = 0; rc == 0 && i + 1 < partial->expected; i++) {
        sio_bytes data = {first + from, partial->ends[i] - from};
        rc = sio_args_set_attachment(scratch, i, data);
        from = partial->ends[i];
    }
    if (rc == 0) {
        rc = sio_args_set_attachment(scratch, partial->expected - 1, last);
    }
    if (rc == 0) {
        *out = packet;
    }
    return rc;
}

void sio_decoder_reset(sio_decoder *decoder) {
    if (decoder && decoder->partial) {
        partial_free(decoder->partial, decoder->options->mem);
        decoder->partial = NULL;
    }
}

bool sio_decoder_is_partial(const sio_decoder *decoder) {
    return decoder->partial != NULL && decoder->partial->arrived < decoder->partial->expected;
}

static int read_msgpack(const sio_decoder_options *options, sio_args *scratch, const uint8_t *data,
                        size_t len, sio_packet *out) {
    sio_msgpack_options limits = SIO_MSGPACK_OPTIONS_INIT;
    limits.max_attachments =
        options->max_attachments != 0 ? options->max_attachments : SIO_DEFAULT_MAX_ATTACHMENTS;
    limits.max_depth = options->args.max_depth;
    limits.max_text = options->text->max;
    limits.args = options->args;
    int rc = sio_msgpack_decode(&limits, scratch, options->text, data, len, out);
    return rc == 0 ? 1 : rc;
}

int sio_decoder_binary(sio_decoder *decoder, sio_args *scratch, const uint8_t *data, size_t len,
                       sio_packet *out) {
    struct sio_partial *partial = decoder->partial;
    if (decoder->options->parser == SIO_PARSER_MSGPACK) {
        return read_msgpack(decoder->options, scratch, data, len, out);
    }
    if (!sio_decoder_is_partial(decoder)) {
        sio_decoder_reset(decoder);
        return SIO_ERR_SIO_BINARY;
    }
    int rc;
    if (partial->arrived + 1 < partial->expected) {
        rc = partial_add(partial, data, len);
    } else {
        rc = partial_finish(decoder, scratch, (sio_bytes){data, len}, out);
        if (rc == 0) {
            partial->arrived = partial->expected;
            return 1;
        }
    }
    if (rc != 0) {
        sio_decoder_reset(decoder);
    }
    return rc;
}
