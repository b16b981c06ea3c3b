/* Input: a byte for the protocol, then messages: a byte (1 for binary), a length, the bytes. */
#include "codecs.h"

#include <sio/msgpack.h>
#include <sio/packet.h>
#include <sio/parser.h>

#include <cjson/cJSON.h>
#include <string.h>

static const sio_str none = {NULL, 0};
static const char kinds[] = "CDEAX";

typedef struct again {
    sio_parser parser;
    char text;       /* the letter of the message, */
    char attachment; /* of an attachment, */
    char error;      /* and of a refusal */
} again;

/* `args` has its attachments numbered as they are written. */
static void add_encoded(sio_buf *out, const again *as, const sio_packet *packet, sio_str name,
                        const sio_args *args) {
    sio_packet_head head = {.type = packet->type,
                            .has_id = packet->has_id,
                            .name_is_number = packet->name_is_number,
                            .id = packet->id,
                            .nsp = packet->nsp};
    sio_buf text = {0};
    int rc = sio_parser_encode(as->parser, &text, &head, name, args, none);
    if (rc != 0) {
        codec_error(out, as->error, rc);
    } else {
        codec_field(out, as->text, text.data, text.len);
    }
    if (rc == 0 && as->parser == SIO_PARSER_DEFAULT) {
        for (uint32_t i = 0; i < sio_args_attachment_count(args); i++) {
            sio_bytes bytes = sio_args_attachment(args, i);
            codec_field(out, as->attachment, bytes.ptr, bytes.len);
        }
    }
    sio_buf_free(&text);
}

/* Through trees: everything is parsed and printed again. */
static void add_rebuilt(sio_buf *out, sio_parser parser, const sio_packet *packet) {
    again as = {parser, 'T', 'B', 'x'};
    sio_args *built;
    int rc = 0;
    CODEC_NEED(sio_args_new(&built, NULL) == 0);
    for (size_t i = 0; rc == 0 && i < sio_args_count(packet->args); i++) {
        const cJSON *tree;
        rc = sio_args_json(&tree, packet->args, i);
        if (rc == 0) {
            rc = sio_args_add_json(built, tree);
        }
    }
    if (rc == 0) {
        add_encoded(out, &as, packet, sio_args_name(packet->args), built);
    } else {
        codec_error(out, as.error, rc);
    }
    sio_args_unref(built);
}

/* A CONNECT or CONNECT_ERROR has a tree of its own. */
static void add_payload(sio_buf *out, const sio_packet *packet) {
    cJSON *tree;
    sio_buf text = {0};
    codec_text(out, 'r', packet->payload);
    int rc = sio_json_parse(&tree, packet->payload.ptr, packet->payload.len, 0);
    if (rc != 0) {
        codec_error(out, 'x', rc);
        return;
    }
    CODEC_NEED(sio_json_print(&text, tree) == 0);
    codec_field(out, 't', text.data, text.len);
    sio_buf_free(&text);
    cJSON_Delete(tree);
}

static void add_packet(sio_buf *out, sio_parser parser, const sio_packet *packet) {
    again as = {parser, 'P', 'Q', 'y'};
    codec_field(out, 'p', &kinds[packet->type], 1);
    codec_text(out, 'n', packet->nsp);
    codec_text(out, 'q', packet->nsp_query);
    if (packet->has_id) {
        codec_u64(out, 'i', packet->id);
    }
    if (packet->args) {
        codec_u64(out, 'c', sio_args_count(packet->args));
        add_rebuilt(out, parser, packet);
        add_encoded(out, &as, packet, none, packet->args);
    } else if (packet->payload.len > 0) {
        add_payload(out, packet);
    }
}

static void decode_all(sio_bytes in, sio_buf *out, const sio_decoder_options *options) {
    sio_decoder decoder;
    sio_args *scratch;
    sio_packet packet;
    int rc = 0;
    CODEC_NEED(sio_args_new(&scratch, NULL) == 0);
    CODEC_NEED(sio_decoder_init(&decoder, options) == 0);
    while (rc >= 0 && in.len > 0) {
        bool binary = codec_take(&in, 1).ptr[0] != 0;
        sio_bytes message = codec_take(&in, codec_take_u32(&in));
        if (binary) {
            rc = sio_decoder_binary(&decoder, scratch, message.ptr, message.len, &packet);
        } else {
            rc = sio_decoder_text(&decoder, scratch, (const char *)message.ptr, message.len,
                                  &packet);
        }
        if (rc == 1) {
            add_packet(out, options->parser, &packet);
        } else if (rc == 0) {
            codec_field(out, 'm', NULL, 0);
        } else {
            char text[SIO_PACKET_ERROR_TEXT_MAX];
            sio_str offending = {(const char *)message.ptr, message.len};
            codec_error(out, 'e', rc);
            codec_field(out, 'E', text, sio_packet_error_text(rc, offending, text));
        }
    }
    sio_decoder_reset(&decoder);
    sio_args_unref(scratch);
}

void codec_packet(sio_bytes in, sio_buf *out) {
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    if (in.len > 0) {
        options.protocol = codec_take(&in, 1).ptr[0];
        decode_all(in, out, &options);
    }
}

void codec_msgpack(sio_bytes in, sio_buf *out) {
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    sio_buf text = {0};
    options.parser = SIO_PARSER_MSGPACK;
    options.text = &text;
    if (in.len > 0) {
        (void)codec_take(&in, 1);
        decode_all(in, out, &options);
    }
    sio_buf_free(&text);
}
