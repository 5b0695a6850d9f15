#include "CResources.h"

#include <string.h>

// #embed is C23; the compiler of the toolchain has it in every C mode and says so.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char bitaxe_gamma_toml[] = {
#embed "../../Hardware/boards/bitaxe-gamma.toml"
};

static const unsigned char emberone00_toml[] = {
#embed "../../Hardware/boards/emberone00.toml"
};

static const unsigned char regtest_node_json_gz[] = {
#embed "../../Hardware/captures/regtest-node.json.gz"
};

static const unsigned char bm1362_toml[] = {
#embed "../../Hardware/chips/bm1362.toml"
};

static const unsigned char bm1370_toml[] = {
#embed "../../Hardware/chips/bm1370.toml"
};

static const AditResource resources[] = {
    {"boards/bitaxe-gamma.toml", bitaxe_gamma_toml, sizeof bitaxe_gamma_toml},
    {"boards/emberone00.toml", emberone00_toml, sizeof emberone00_toml},
    {"captures/regtest-node.json.gz", regtest_node_json_gz, sizeof regtest_node_json_gz},
    {"chips/bm1362.toml", bm1362_toml, sizeof bm1362_toml},
    {"chips/bm1370.toml", bm1370_toml, sizeof bm1370_toml},
};

static const size_t resource_count = sizeof resources / sizeof resources[0];

size_t adit_resource_count(void) { return resource_count; }

const AditResource *adit_resource_at(size_t index) { return index < resource_count ? &resources[index] : NULL; }

const AditResource *adit_resource_named(const char *name) {
    for (size_t index = 0; index < resource_count; index++) {
        if (strcmp(resources[index].name, name) == 0) return &resources[index];
    }
    return NULL;
}
