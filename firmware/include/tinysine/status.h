/* What a call can say: zero for success, negative for an error, the same numbers as on the wire (negated). */
#ifndef TINYSINE_STATUS_H
#define TINYSINE_STATUS_H

enum ts_status {
    TS_OK = 0,
    TS_UNKNOWN_REQUEST = -1,
    TS_BAD_LENGTH = -2,
    TS_NOT_FINITE = -3,
    TS_ENGINE = -4,
    TS_UNSUPPORTED = -5,
    TS_BAD_VALUE = -6,
};

#define TS_MUST_CHECK __attribute__((warn_unused_result))

#ifdef __cplusplus
#define TS_NORETURN [[noreturn]]
#else
#define TS_NORETURN _Noreturn
#endif

#endif
