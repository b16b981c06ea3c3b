/* The index of rooms and the hash table under it against plain arrays: sets join, leave and leave
 * all, rooms are held, let go and forgotten, in any order. */
#include "room.h"

#include "draw.h"

#include <stdio.h>

enum { SETS = 12, ROOMS = 10, HELD = 6, KEYS = 256 };

typedef struct model {
    bool member[SETS][ROOMS];
    sio_room *held[HELD];
    unsigned held_name[HELD];
} model;

typedef struct world {
    draw in;
    sio_loop *loop;
    sio_room_index index;
    sio_room_set sets[SETS];
    model model;
} world;

static const char *const names[ROOMS] = {"",  "a",   "b",        "ab", "room",
                                         "r", "r 1", "\xc3\xa9", "aa", "a-much-longer-room-name"};

/* ---- rooms ---- */

static bool is_held(const world *w, unsigned name) {
    for (unsigned i = 0; i < HELD; i++) {
        if (w->model.held[i] && w->model.held_name[i] == name &&
            sio_room_find(&w->index, names[name]) == w->model.held[i]) {
            return true;
        }
    }
    return false;
}

static void check_room(const world *w, unsigned name) {
    const sio_room *room = sio_room_find(&w->index, names[name]);
    size_t members = 0;
    for (unsigned s = 0; s < SETS; s++) {
        members += w->model.member[s][name];
        REQUIRE((room && sio_room_has(room, &w->sets[s])) == w->model.member[s][name]);
    }
    REQUIRE((room != NULL) == (members > 0 || is_held(w, name)));
    REQUIRE(!room || room->count == members);
    REQUIRE(!room || strcmp(room->name, names[name]) == 0);
}

static void check_sets(const world *w) {
    for (unsigned s = 0; s < SETS; s++) {
        size_t count = 0;
        for (unsigned r = 0; r < ROOMS; r++) {
            count += w->model.member[s][r];
        }
        REQUIRE(w->sets[s].count == count);
        REQUIRE(sio_list_empty(&w->sets[s].rooms) == (count == 0));
    }
}

static void hold(world *w, unsigned slot, unsigned name) {
    if (!w->model.held[slot]) {
        w->model.held[slot] = sio_room_hold(&w->index, names[name]);
        w->model.held_name[slot] = name;
        REQUIRE(w->model.held[slot]);
    }
}

static void let_go(world *w, unsigned slot) {
    sio_room *room = w->model.held[slot];
    if (room) {
        w->model.held[slot] = NULL;
        sio_room_unhold(&w->index, room);
    }
}

/* Only what nobody is in is forgotten. */
static void forget(world *w, unsigned slot) {
    sio_room *room = w->model.held[slot];
    if (room && room->count == 0) {
        bool known = sio_room_find(&w->index, room->name) == room;
        REQUIRE(sio_room_forget(&w->index, room) == known);
        REQUIRE(!sio_room_forget(&w->index, room));
    }
}

static void room_step(world *w) {
    uint8_t what = draw_byte(&w->in);
    uint8_t which = draw_byte(&w->in);
    unsigned set = which % SETS;
    unsigned name = (which >> 4) % ROOMS;
    switch (what % 8) {
    case 0:
    case 1:
    case 2:
        REQUIRE(sio_room_join(&w->index, &w->sets[set], names[name]) == 0);
        w->model.member[set][name] = true;
        break;
    case 3:
    case 4:
        REQUIRE(sio_room_leave(&w->index, &w->sets[set], names[name]) ==
                w->model.member[set][name]);
        w->model.member[set][name] = false;
        break;
    case 5:
        sio_room_leave_all(&w->index, &w->sets[set]);
        memset(w->model.member[set], 0, sizeof(w->model.member[set]));
        break;
    case 6:
        hold(w, set % HELD, name);
        break;
    default:
        if (what & 8) {
            forget(w, set % HELD);
        } else {
            let_go(w, set % HELD);
        }
        break;
    }
    check_room(w, name);
    check_sets(w);
}

static void play_rooms(world *w) {
    REQUIRE(sio_room_index_init(&w->index, w->loop) == 0);
    for (unsigned s = 0; s < SETS; s++) {
        sio_room_set_init(&w->sets[s]);
    }
    while (w->in.left > 0) {
        room_step(w);
    }
    for (unsigned r = 0; r < ROOMS; r++) {
        check_room(w, r);
    }
    for (unsigned s = 0; s < SETS; s++) {
        sio_room_leave_all(&w->index, &w->sets[s]);
    }
    for (unsigned i = 0; i < HELD; i++) {
        let_go(w, i);
    }
    REQUIRE(w->index.by_name.count == 0);
    sio_room_index_done(&w->index);
}

/* ---- the table ---- */

typedef struct keys {
    char text[KEYS][8];
    bool in[KEYS];
    size_t count;
} keys;

/* Once around; `drop` of the values are removed on the way. */
static void walk(sio_table *table, keys *k, uint8_t drop) {
    bool seen[KEYS] = {false};
    size_t count = 0;
    size_t expected = k->count;
    sio_table_iter it = sio_table_iter_start(table);
    for (char *value; (value = sio_table_next(table, &it)) != NULL; count++) {
        size_t i = (size_t)(value - k->text[0]) / sizeof(k->text[0]);
        REQUIRE(i < KEYS && k->in[i] && !seen[i]);
        seen[i] = true;
        if (drop != 0 && i % drop == 0) {
            REQUIRE(sio_table_remove(table, value, strlen(value)) == value);
            k->in[i] = false;
            k->count--;
        }
    }
    REQUIRE(count == expected);
}

static void table_step(world *w, sio_table *table, keys *k) {
    uint8_t what = draw_byte(&w->in);
    uint8_t i = draw_byte(&w->in);
    char *key = k->text[i];
    size_t len = strlen(key);
    REQUIRE(sio_table_get(table, key, len) == (k->in[i] ? key : NULL));
    switch (what % 8) {
    case 0:
    case 1:
    case 2:
    case 3:
        REQUIRE(sio_table_put(table, key, len, key) == (k->in[i] ? SIO_ERR_EXISTS : 0));
        k->count += !k->in[i];
        k->in[i] = true;
        break;
    case 4:
    case 5:
        REQUIRE(sio_table_remove(table, key, len) == (k->in[i] ? key : NULL));
        k->count -= k->in[i];
        k->in[i] = false;
        break;
    case 6:
        walk(table, k, what >> 3);
        break;
    default:
        sio_table_trim(table);
        break;
    }
    REQUIRE(table->count == k->count && (table->cap == 0 || table->count < table->cap));
}

static void play_table(world *w) {
    sio_table table;
    keys k = {.count = 0};
    REQUIRE(sio_table_init(&table, w->loop) == 0);
    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(k.text[i], sizeof(k.text[i]), i % 2 ? "%u" : "key%u", i);
    }
    while (w->in.left > 0) {
        table_step(w, &table, &k);
    }
    walk(&table, &k, 0);
    for (unsigned i = 0; i < KEYS; i++) {
        REQUIRE(sio_table_get(&table, k.text[i], strlen(k.text[i])) ==
                (k.in[i] ? k.text[i] : NULL));
    }
    sio_table_done(&table);
}

/* One for all inputs: it only gives out keys for the hash. */
static sio_loop *the_loop(void) {
    static sio_loop *loop;
    if (!loop) {
        REQUIRE(sio_loop_new(&loop, NULL) == 0);
    }
    return loop;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    world w = {.in = {data, size}, .loop = the_loop()};
    if (draw_byte(&w.in) & 1) {
        play_table(&w);
    } else {
        play_rooms(&w);
    }
    return 0;
}
