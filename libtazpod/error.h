/*
 * One error, told twice: a sentence for the user and a detail for the log.
 *
 * Every function of the library returns 0 (or a count) or a negative errno. Where a user will read the
 * reason it also fills a caller-owned struct tz_error; err may be NULL. Outputs are untouched on failure.
 * No passphrase or key ever goes into either text; control characters become question marks (printable.h).
 */
#ifndef TAZPOD_ERROR_H
#define TAZPOD_ERROR_H

#define TZ_ERROR_TEXT 480

struct tz_error {
	int code;                    /* negative errno, 0 while unset */
	char message[TZ_ERROR_TEXT]; /* what went wrong and what to do next, no trailing newline */
	char detail[TZ_ERROR_TEXT];  /* for syslog; may be empty */
};

/*
 * Sets the message, clears the detail; returns the negative errno that code stands for (either sign). A code of 0
 * becomes -EIO: an error never reads as success.
 */
int tz_error_set(struct tz_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds to the detail. Returns err's code; -EIO where there is none (err is NULL, or was never set). */
int tz_error_detail(struct tz_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts context in front of the message: "context: message". Returns as tz_error_detail() does. */
int tz_error_wrap(struct tz_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What another process of this build reported, by sending its struct: 0 where its code is 0, else its error in err. */
int tz_error_adopt(struct tz_error *err, const struct tz_error *reported);

/*
 * Tells the compiler what the three promise: below zero. Without it, it believes that a function which ends in "return
 * tz_error_set(...)" may have succeeded, and warns of outputs that are not set.
 */
static inline int tz_error_negative_(int code)
{
	if (code >= 0)
		__builtin_unreachable();
	return code;
}

#define tz_error_set(...) tz_error_negative_(tz_error_set(__VA_ARGS__))
#define tz_error_detail(...) tz_error_negative_(tz_error_detail(__VA_ARGS__))
#define tz_error_wrap(...) tz_error_negative_(tz_error_wrap(__VA_ARGS__))

#endif
