#include <sio/http_fields.h>

#include "chars.h"

/* Days are counted in the proleptic Gregorian calendar, in eras of 400 years from 1 March 0000, so
 * that the leap day is the last of its year. */
enum {
    DAY_SECONDS = 86400,
    ERA_DAYS = 146097,
    EPOCH_DAYS = 719468, /* from 1 March 0000 to 1 January 1970 */
};

static const int64_t FIRST = -62135596800; /* 0001-01-01 00:00:00 */
static const int64_t LAST = 253402300799;  /* 9999-12-31 23:59:59 */

static const char DAYS[] = "SunMonTueWedThuFriSat";
static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

typedef struct date {
    int year, month, day; /* month and day from 1 */
    int hour, minute, second;
} date;

static int64_t days_from_date(int year, int month, int day) {
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + day_of_era - EPOCH_DAYS;
}

static void date_from_days(date *out, int64_t days) {
    int64_t z = days + EPOCH_DAYS;
    int64_t era = (z >= 0 ? z : z - (ERA_DAYS - 1)) / ERA_DAYS;
    int64_t doe = z - era * ERA_DAYS;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    out->day = (int)(doy - (153 * mp + 2) / 5 + 1);
    out->month = (int)(mp < 10 ? mp + 3 : mp - 9);
    out->year = (int)(yoe + era * 400 + (out->month <= 2));
}

static int month_length(int year, int month) {
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return lengths[month - 1] + (month == 2 && leap);
}

static char *put_number(char *out, int value, int width) {
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + width;
}

static char *put_text(char *out, const char *text, size_t len) {
    memcpy(out, text, len);
    return out + len;
}

void sio_http_date_format(char *out, int64_t unix_seconds) {
    int64_t t = unix_seconds < FIRST ? FIRST : unix_seconds > LAST ? LAST : unix_seconds;
    int64_t days = (t - (t < 0 ? DAY_SECONDS - 1 : 0)) / DAY_SECONDS;
    int seconds = (int)(t - days * DAY_SECONDS);
    int64_t weekday = ((days + 4) % 7 + 7) % 7; /* day 0 was a Thursday */
    date d;
    date_from_days(&d, days);
    char *at = put_text(out, DAYS + weekday * 3, 3);
    at = put_number(put_text(at, ", ", 2), d.day, 2);
    at = put_text(put_text(at, " ", 1), MONTHS + (size_t)(d.month - 1) * 3, 3);
    at = put_number(put_text(at, " ", 1), d.year, 4);
    at = put_number(put_text(at, " ", 1), seconds / 3600, 2);
    at = put_number(put_text(at, ":", 1), seconds / 60 % 60, 2);
    at = put_number(put_text(at, ":", 1), seconds % 60, 2);
    put_text(at, " GMT", 4);
}

/* The number of a month name, compared without case, or 0. */
static int month_number(sio_str text) {
    for (int i = 0; i < 12 && text.len >= 3; i++) {
        if (sio_text_equal_nocase((sio_str){text.ptr, 3}, (sio_str){MONTHS + (size_t)i * 3, 3})) {
            return i + 1;
        }
    }
    return 0;
}

static bool date_to_seconds(int64_t *out, const date *d) {
    if (d->year < 1601 || d->year > 9999 || d->month < 1 || d->month > 12 || d->day < 1 ||
        d->day > month_length(d->year, d->month) || d->hour > 23 || d->minute > 59 ||
        d->second > 59) {
        return false;
    }
    int seconds = d->hour * 3600 + d->minute * 60 + d->second;
    *out = days_from_date(d->year, d->month, d->day) * DAY_SECONDS + seconds;
    return true;
}

static int number_at(const char *text, size_t digits) {
    uint64_t value = 0;
    return sio_text_to_u64(&value, (sio_str){text, digits}) ? (int)value : -1;
}

/* Reading what was written: the numbers are taken from their places, and the whole must be what
 * formatting them gives. That checks weekday, spelling and separators at once. */
int sio_http_date_parse(int64_t *unix_seconds, sio_str text) {
    if (text.len != SIO_HTTP_DATE_LEN) {
        return SIO_ERR_HTTP_HEADER;
    }
    const char *t = text.ptr;
    date d = {number_at(t + 12, 4), month_number((sio_str){t + 8, 3}),
              number_at(t + 5, 2),  number_at(t + 17, 2),
              number_at(t + 20, 2), number_at(t + 23, 2)};
    int64_t seconds;
    if (d.hour < 0 || d.minute < 0 || d.second < 0 || !date_to_seconds(&seconds, &d)) {
        return SIO_ERR_HTTP_HEADER;
    }
    char again[SIO_HTTP_DATE_LEN];
    sio_http_date_format(again, seconds);
    if (memcmp(again, t, sizeof(again)) != 0) {
        return SIO_ERR_HTTP_HEADER;
    }
    *unix_seconds = seconds;
    return 0;
}

/* ---- the tolerant form: RFC 6265 §5.1.1 ---- */

typedef struct cookie_date {
    date d;
    bool has_time, has_day, has_month, has_year;
} cookie_date;

static bool is_delimiter(char c) {
    uint8_t u = (uint8_t)c;
    return u == 0x09 || (u >= 0x20 && u <= 0x2f) || (u >= 0x3b && u <= 0x40) ||
           (u >= 0x5b && u <= 0x60) || (u >= 0x7b && u <= 0x7e);
}

/* Between `min` and `max` digits, then the end or something else. Returns how many, 0 for none. */
static size_t read_digits(int *out, sio_str text, size_t min, size_t max) {
    size_t count = 0;
    int value = 0;
    while (count < text.len && count <= max && sio_char_is_digit(text.ptr[count])) {
        value = value * 10 + (text.ptr[count++] - '0');
    }
    if (count < min || count > max) {
        return 0;
    }
    *out = value;
    return count;
}

static bool read_time(date *d, sio_str text) {
    int *fields[] = {&d->hour, &d->minute, &d->second};
    int values[3];
    for (int i = 0; i < 3; i++) {
        size_t used = read_digits(&values[i], text, 1, 2);
        text = (sio_str){text.ptr + used, text.len - used};
        if (used == 0 || (i < 2 && (text.len == 0 || text.ptr[0] != ':'))) {
            return false;
        }
        if (i < 2) {
            text = (sio_str){text.ptr + 1, text.len - 1};
        }
    }
    for (int i = 0; i < 3; i++) {
        *fields[i] = values[i];
    }
    return true;
}

static void read_year(cookie_date *c, int year, size_t digits) {
    if (digits == 2) {
        year += year >= 70 ? 1900 : 2000;
    }
    c->d.year = year;
    c->has_year = true;
}

static void read_date_token(cookie_date *c, sio_str token) {
    int value = 0;
    if (!c->has_time && read_time(&c->d, token)) {
        c->has_time = true;
    } else if (!c->has_day && read_digits(&value, token, 1, 2) > 0) {
        c->d.day = value;
        c->has_day = true;
    } else if (!c->has_month && month_number(token) > 0) {
        c->d.month = month_number(token);
        c->has_month = true;
    } else if (!c->has_year) {
        size_t digits = read_digits(&value, token, 2, 4);
        if (digits == 2 || digits == 4) {
            read_year(c, value, digits);
        }
    }
}

int sio_http_date_parse_cookie(int64_t *unix_seconds, sio_str text) {
    cookie_date c = {0};
    size_t at = 0;
    while (at < text.len) {
        size_t start = at;
        while (at < text.len && !is_delimiter(text.ptr[at])) {
            at++;
        }
        if (at > start) {
            read_date_token(&c, (sio_str){text.ptr + start, at - start});
        }
        at++;
    }
    if (!c.has_time || !c.has_day || !c.has_month || !c.has_year ||
        !date_to_seconds(unix_seconds, &c.d)) {
        return SIO_ERR_HTTP_HEADER;
    }
    return 0;
}
