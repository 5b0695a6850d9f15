#ifndef CRESOURCES_H
#define CRESOURCES_H

#include <stddef.h>

// Files of Hardware/ that are part of the program, so that one binary carries its defaults.

typedef struct {
    const char *name;            // path below Hardware/, such as "boards/bitaxe-gamma.toml"; ends with a zero byte
    const unsigned char *bytes;  // lives as long as the program; no zero byte at the end
    size_t count;
} AditResource;

// How many there are.
size_t adit_resource_count(void);

// The resource at `index`, in the order of their names; NULL when there are not that many.
const AditResource *adit_resource_at(size_t index);

// The resource of that name; NULL when there is none.
const AditResource *adit_resource_named(const char *name);

#endif
