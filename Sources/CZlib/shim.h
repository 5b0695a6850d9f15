// zlib, for gzip. Its initialisers are macros, which Swift cannot see.
#ifndef ADIT_CZLIB_SHIM_H
#define ADIT_CZLIB_SHIM_H

#include <zlib.h>

/// Prepares `stream` for one gzip member (RFC 1952), and for nothing else: no bare zlib stream, no raw deflate.
static inline int adit_inflate_gzip_init(z_stream *stream) {
    return inflateInit2(stream, 16 + MAX_WBITS);
}

#endif
