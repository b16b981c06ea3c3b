/* JSON text and trees: validation and parsing agree, and what is printed parses to the same print.
 */
#include <sio/json.h>

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

/* Printing can only fail by depth, which parsing has limited. */
static sio_buf print(const cJSON *tree) {
    sio_buf out = {0};
    must(sio_json_print(&out, tree) == 0);
    must(sio_json_validate((const char *)out.data, out.len, 0) == 0);
    return out;
}

static void check_tree(const cJSON *tree) {
    sio_buf first = print(tree);
    cJSON *again = NULL;
    must(sio_json_parse(&again, (const char *)first.data, first.len, 0) == 0);
    sio_buf second = print(again);
    must(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    cJSON_Delete(again);
    sio_buf_free(&first);
    sio_buf_free(&second);
}

/* Any bytes as a string: quoted if and only if they are UTF-8, and then valid. */
static void check_quoting(const char *text, size_t size) {
    sio_buf out = {0};
    if (sio_json_add_string(&out, text, size) == 0) {
        must(sio_json_validate((const char *)out.data, out.len, 0) == 0);
        cJSON *tree = NULL;
        int rc = sio_json_parse(&tree, (const char *)out.data, out.len, 0);
        bool nul = size > 0 && memchr(text, '\0', size);
        must(rc == (nul ? SIO_ERR_JSON_NUL : 0));
        must(nul ||
             (strlen(tree->valuestring) == size && memcmp(tree->valuestring, text, size) == 0));
        cJSON_Delete(tree);
    } else {
        must(out.len == 0);
    }
    sio_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    cJSON *tree = NULL;
    int valid = sio_json_validate(text, size, 0);
    int parsed = sio_json_parse(&tree, text, size, 0);
    must(parsed == valid || (valid == 0 && parsed == SIO_ERR_JSON_NUL));
    must((tree != NULL) == (parsed == 0));
    if (tree) {
        check_tree(tree);
        cJSON_Delete(tree);
    }
    if (size > 0) {
        check_quoting(text, size);
    }
    return 0;
}
