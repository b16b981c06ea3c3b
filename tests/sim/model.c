#include "model.h"

#include <stdlib.h>
#include <string.h>

/* ---- lists of events ---- */

sim_item *sim_items_add(sim_items *items, uint64_t id) {
    if (items->count == items->cap) {
        items->cap = items->cap ? items->cap * 2 : 16;
        items->list = realloc(items->list, items->cap * sizeof(sim_item));
        SIM_CHECK(items->list, "the simulation is out of memory");
    }
    sim_item *item = &items->list[items->count++];
    *item = (sim_item){.id = id};
    return item;
}

void sim_items_free(sim_items *items) {
    free(items->list);
    *items = (sim_items){0};
}

/* Ids rise within a list. */
static sim_item *find(const sim_items *items, uint64_t id) {
    size_t from = 0, to = items->count;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (items->list[middle].id < id) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from < items->count && items->list[from].id == id ? &items->list[from] : NULL;
}

/* ---- what events carry ---- */

static uint64_t payload_seed;
static uint32_t text_most, binary_most;

void sim_payload_set(uint64_t seed, uint32_t most_text, uint32_t most_binary) {
    payload_seed = seed;
    text_most = most_text;
    binary_most = most_binary;
}

/* Mostly short, now and then as long as it may be. */
static size_t length(uint64_t id, uint32_t most, unsigned purpose) {
    uint64_t draw = sim_mix(payload_seed ^ sim_mix(id * 4 + purpose));
    uint64_t range = draw % 16 == 0 ? most : draw % 16 < 4 ? most / 8 : most / 64;
    return (size_t)((draw >> 8) % (range + 1));
}

/* How many times the same bytes are in it. */
static size_t binaries(uint64_t id) {
    uint64_t draw = sim_mix(payload_seed ^ id);
    return binary_most > 0 && draw % 3 == 0 ? 1 + (draw >> 8) % 3 : 0;
}

static char letter(uint64_t id, size_t at) {
    return (char)(' ' + (id * 31 + at * 7) % 95);
}

sio_args *sim_payload(uint64_t id) {
    sio_args *args = NULL;
    size_t text_len = length(id, text_most, 1);
    size_t binary_len = length(id, binary_most, 2);
    char *text = malloc(text_len + binary_len + 1);
    SIM_CHECK(text && sio_args_new(&args, NULL) == 0, "the simulation is out of memory");
    for (size_t i = 0; i < text_len + binary_len; i++) {
        text[i] = letter(id, i);
    }
    int rc = sio_args_addf(args, "U S", id, text, text_len);
    for (size_t left = binaries(id); rc == 0 && left > 0; left--) {
        rc = sio_args_addf(args, "B", text + text_len, binary_len);
    }
    free(text);
    if (rc == 0) {
        rc = sio_args_addf(args, "b", 1); /* a client takes a text at the end for an offset */
    }
    SIM_CHECK(rc == 0, "an event cannot be made: %d", rc);
    return args;
}

void sim_payload_check(const sio_event *ev, uint64_t id, size_t more, bool short_of,
                       const char *where) {
    size_t text_len = length(id, text_most, 1);
    size_t binary_len = length(id, binary_most, 2);
    size_t count = sio_event_count(ev), wanted = 3 + binaries(id);
    sio_str text = sio_event_str(ev, 1);
    SIM_CHECK((uint64_t)sio_event_int(ev, 0) == id, "%s: the number is another", where);
    SIM_CHECK(count >= wanted && count <= wanted + more, "%s: event %llu has %zu arguments", where,
              (unsigned long long)id, count);
    if (short_of && text.len == 0) {
        return;
    }
    SIM_CHECK(text.len == text_len, "%s: event %llu has %zu bytes of text, not %zu", where,
              (unsigned long long)id, text.len, text_len);
    for (size_t i = 0; i < text_len; i++) {
        SIM_CHECK(text.ptr[i] == letter(id, i), "%s: a text was altered", where);
    }
    for (size_t b = 0; b < binaries(id); b++) {
        sio_bytes binary = sio_event_binary(ev, 2 + b);
        if (short_of && binary.len == 0) {
            continue;
        }
        SIM_CHECK(binary.len == binary_len, "%s: event %llu has %zu bytes, not %zu", where,
                  (unsigned long long)id, binary.len, binary_len);
        for (size_t i = 0; i < binary_len; i++) {
            SIM_CHECK((char)binary.ptr[i] == letter(id, text_len + i), "%s: bytes were altered",
                      where);
        }
    }
}

/* ---- up ---- */

sim_item *sim_up_sent(sim_seat *seat, uint64_t id, bool is_volatile) {
    sim_item *item = sim_items_add(&seat->up, id);
    bool ending = seat->connected && !sio_socket_connected(seat->socket);
    /* Inside callbacks that come before `disconnect` the next connection is meant already. */
    item->epoch = seat->epoch + (ending && !seat->retries);
    item->may_miss = is_volatile;
    return item;
}

void sim_up_left(sim_seat *seat, uint64_t id) {
    sim_item *item = find(&seat->up, id);
    SIM_CHECK(item, "seat %u: event %llu leaves, and was never sent", seat->number,
              (unsigned long long)id);
    item->left = true;
    if (!seat->retries) {
        item->epoch = seat->epoch;
    }
}

void sim_up_lost(const sim_seat *seat, uint64_t id) {
    const sim_item *item = find(&seat->up, id);
    SIM_CHECK(item && (item->left || !seat->watched || seat->retries),
              "seat %u: event %llu is kept, and nobody waits for its acknowledgement any more",
              seat->number, (unsigned long long)id);
}

void sim_up_refused(sim_seat *seat, uint64_t id) {
    sim_item *item = find(&seat->up, id);
    SIM_CHECK(item && item->state != SIM_ARRIVED, "seat %u: event %llu arrived and was refused",
              seat->number, (unsigned long long)id);
    item->state = SIM_REFUSED;
}

void sim_up_handled(sim_seat *seat, uint64_t id) {
    sim_item *item = find(&seat->up, id);
    SIM_CHECK(item && item->state == SIM_ARRIVED, "seat %u: event %llu is handled before it came",
              seat->number, (unsigned long long)id);
    SIM_CHECK(!item->handled || seat->retries, "seat %u: event %llu is handled twice", seat->number,
              (unsigned long long)id);
    item->handled = true;
}

void sim_up_given_up(sim_seat *seat, uint64_t id) {
    find(&seat->up, id)->may_miss = true;
}

void sim_up_acknowledged(const sim_seat *seat, uint64_t id) {
    const sim_item *item = find(&seat->up, id);
    SIM_CHECK(item && item->handled, "seat %u: event %llu was acknowledged, and lost", seat->number,
              (unsigned long long)id);
}

static uint32_t *last_arrived(sim_seat *seat, uint32_t epoch) {
    if (epoch >= seat->epochs) {
        size_t epochs = (size_t)epoch * 2 + 4;
        uint32_t *list = realloc(seat->last_of_epoch, epochs * sizeof(*list));
        SIM_CHECK(list, "the simulation is out of memory");
        memset(list + seat->epochs, 0, (epochs - seat->epochs) * sizeof(*list));
        seat->last_of_epoch = list;
        seat->epochs = epochs;
    }
    return &seat->last_of_epoch[epoch];
}

/* Within one connection nothing is left out and nothing comes before its turn. Between connections
 * of one client the server may see the end of the older one late. */
void sim_up_arrived(sim_seat *seat, uint64_t id) {
    sim_item *item = find(&seat->up, id);
    SIM_CHECK(item, "seat %u: event %llu was never sent", seat->number, (unsigned long long)id);
    SIM_CHECK(item->state != SIM_REFUSED, "seat %u: event %llu was refused, and arrived",
              seat->number, (unsigned long long)id);
    if (item->state == SIM_ARRIVED) {
        SIM_CHECK(seat->retries, "seat %u: event %llu arrived twice", seat->number,
                  (unsigned long long)id);
        return;
    }
    item->state = SIM_ARRIVED;
    uint32_t at = (uint32_t)(item - seat->up.list);
    uint32_t *last = last_arrived(seat, item->epoch);
    SIM_CHECK(at >= *last, "seat %u: event %llu arrived out of order", seat->number,
              (unsigned long long)id);
    for (uint32_t i = *last; i < at; i++) {
        const sim_item *left = &seat->up.list[i];
        bool excused = left->may_miss || seat->forgetful || left->state != SIM_WAITING ||
                       left->epoch != item->epoch;
        SIM_CHECK(excused, "seat %u: event %llu arrived, and %llu before it was lost", seat->number,
                  (unsigned long long)id, (unsigned long long)left->id);
    }
    *last = at + 1;
}

/* ---- down ---- */

sim_item *sim_down_sent(sim_lane *lane, uint64_t id, bool may_miss) {
    const sim_seat *seat = lane->seat;
    sim_item *item = sim_items_add(&lane->down, id);
    /* A client of Socket.IO 2.x is in "/" before it knows whether it wants to be. */
    item->unasked = seat->old && !seat->connected && strcmp(lane->nsp, "/") == 0;
    item->may_miss = may_miss || item->unasked;
    item->sent_us = sim_now_us();
    return item;
}

static bool in_rooms(const sim_lane *lane, const sim_item *item) {
    return (item->rooms == 0 || (item->rooms & lane->rooms) != 0) &&
           (item->except & lane->rooms) == 0;
}

void sim_down_left(sim_lane *lane) {
    for (size_t i = lane->down.next; i < lane->down.count; i++) {
        sim_item *item = &lane->down.list[i];
        item->may_miss |= !in_rooms(lane, item);
    }
}

void sim_down_extra(sim_lane *lane, uint64_t id) {
    if (!find(&lane->down, id) && !find(&lane->extras, id)) {
        (void)sim_items_add(&lane->extras, id);
    }
}

void sim_down_refused(sim_lane *lane, uint64_t id) {
    sim_item *item = find(&lane->down, id);
    SIM_CHECK(item && item->state == SIM_WAITING, "%s: event %llu arrived and was refused",
              lane->id, (unsigned long long)id);
    item->state = SIM_REFUSED;
}

void sim_down_uncertain(sim_lane *lane, uint64_t id) {
    sim_item *item = find(&lane->down, id);
    if (item) {
        item->may_miss = item->uncertain = true;
    }
}

/* What was under way when the client left a namespace, and comes when it has asked for it again,
 * cannot be told from what belongs to the new session. */
static bool is_belated(const sim_seat *seat, uint64_t id) {
    for (sim_lane *lane = seat->told ? NULL : seat->lane->older; lane; lane = lane->older) {
        sim_item *item = lane->left_by_client ? find(&lane->down, id) : NULL;
        if (item && item->state == SIM_WAITING) {
            item->state = SIM_ARRIVED;
            return true;
        }
    }
    return false;
}

void sim_down_arrived(sim_seat *seat, uint64_t id) {
    sim_lane *lane = seat->lane;
    SIM_CHECK(lane && seat->connected, "seat %u: event %llu came while it was not connected",
              seat->number, (unsigned long long)id);
    sim_items *down = &lane->down;
    sim_item *item = find(down, id);
    sim_item *extra = item ? NULL : find(&lane->extras, id);
    if (extra && extra->state == SIM_WAITING) {
        extra->state = SIM_ARRIVED;
        lane->offset_id = id;
        return;
    }
    if (!item && is_belated(seat, id)) {
        return;
    }
    SIM_CHECK(item, "seat %u: event %llu was not for it", seat->number, (unsigned long long)id);
    if (item->uncertain && item->state == SIM_WAITING) {
        item->state = SIM_ARRIVED;
        return;
    }
    SIM_CHECK(item->state != SIM_REFUSED, "seat %u: event %llu was refused, and came", seat->number,
              (unsigned long long)id);
    SIM_CHECK(item->state == SIM_WAITING, "seat %u: event %llu came twice", seat->number,
              (unsigned long long)id);
    for (; &down->list[down->next] != item; down->next++) {
        const sim_item *left = &down->list[down->next];
        SIM_CHECK(down->next < down->count, "seat %u: event %llu came out of order", seat->number,
                  (unsigned long long)id);
        SIM_CHECK(left->may_miss || left->state != SIM_WAITING,
                  "seat %u: event %llu came, and %llu before it was lost", seat->number,
                  (unsigned long long)id, (unsigned long long)left->id);
    }
    item->state = SIM_ARRIVED;
    down->next++;
    if (!item->may_miss) {
        lane->has_offset = true;
        lane->offset_id = id;
        lane->offset_us = item->sent_us;
    }
}

/* ---- connections as the client sees them ---- */

void sim_seat_connected(sim_seat *seat, sim_lane *lane, bool recovered) {
    SIM_CHECK(!seat->connected, "seat %u: connect came twice", seat->number);
    SIM_CHECK(lane, "seat %u: the server does not know its id", seat->number);
    SIM_CHECK(lane->seat == seat, "seat %u: its id is that of seat %u", seat->number,
              lane->seat->number);
    SIM_CHECK(!recovered || lane == seat->lane, "seat %u: recovered another session", seat->number);
    SIM_CHECK(recovered || lane != seat->lane || !seat->lane,
              "seat %u: has the id of its last session, which was not recovered", seat->number);
    seat->connected = true;
    seat->connects++;
    seat->lane = lane;
    lane->seen = true;
}

void sim_seat_disconnected(sim_seat *seat) {
    SIM_CHECK(seat->connected, "seat %u: disconnect came twice", seat->number);
    seat->connected = seat->told = false;
    seat->disconnects++;
    seat->epoch += !seat->retries; /* what is sent again belongs to all connections */
}

void sim_seat_freed(sim_seat *seat) {
    seat->connected = seat->told = false;
    seat->socket = NULL;
    seat->lane = NULL;
    seat->epoch += 2; /* one more may have been meant already */
    for (size_t i = 0; seat->forgetful && i < seat->up.count; i++) {
        seat->up.list[i].may_miss = true; /* its next life forgets nothing */
    }
}
