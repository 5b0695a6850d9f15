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

static const unsigned char bm1366_toml[] = {
#embed "../../Hardware/chips/bm1366.toml"
};

static const unsigned char bm1368_toml[] = {
#embed "../../Hardware/chips/bm1368.toml"
};

static const unsigned char bm1370_toml[] = {
#embed "../../Hardware/chips/bm1370.toml"
};

static const unsigned char bm1372_toml[] = {
#embed "../../Hardware/chips/bm1372.toml"
};

static const unsigned char bm1387_toml[] = {
#embed "../../Hardware/chips/bm1387.toml"
};

static const unsigned char bm1397_toml[] = {
#embed "../../Hardware/chips/bm1397.toml"
};

static const unsigned char brown_out_toml[] = {
#embed "../../Hardware/scenarios/brown-out.toml"
};

static const unsigned char dead_chip_toml[] = {
#embed "../../Hardware/scenarios/dead-chip.toml"
};

static const unsigned char deaf_chip_toml[] = {
#embed "../../Hardware/scenarios/deaf-chip.toml"
};

static const unsigned char duplicates_toml[] = {
#embed "../../Hardware/scenarios/duplicates.toml"
};

static const unsigned char noisy_line_toml[] = {
#embed "../../Hardware/scenarios/noisy-line.toml"
};

static const unsigned char pulled_out_toml[] = {
#embed "../../Hardware/scenarios/pulled-out.toml"
};

static const unsigned char silent_chip_toml[] = {
#embed "../../Hardware/scenarios/silent-chip.toml"
};

static const unsigned char slow_link_toml[] = {
#embed "../../Hardware/scenarios/slow-link.toml"
};

static const unsigned char stuck_temperature_toml[] = {
#embed "../../Hardware/scenarios/stuck-temperature.toml"
};

static const unsigned char unasked_values_toml[] = {
#embed "../../Hardware/scenarios/unasked-values.toml"
};

static const unsigned char wrong_nonces_toml[] = {
#embed "../../Hardware/scenarios/wrong-nonces.toml"
};

static const AditResource resources[] = {
    {"boards/bitaxe-gamma.toml", bitaxe_gamma_toml, sizeof bitaxe_gamma_toml},
    {"boards/emberone00.toml", emberone00_toml, sizeof emberone00_toml},
    {"captures/regtest-node.json.gz", regtest_node_json_gz, sizeof regtest_node_json_gz},
    {"chips/bm1362.toml", bm1362_toml, sizeof bm1362_toml},
    {"chips/bm1366.toml", bm1366_toml, sizeof bm1366_toml},
    {"chips/bm1368.toml", bm1368_toml, sizeof bm1368_toml},
    {"chips/bm1370.toml", bm1370_toml, sizeof bm1370_toml},
    {"chips/bm1372.toml", bm1372_toml, sizeof bm1372_toml},
    {"chips/bm1387.toml", bm1387_toml, sizeof bm1387_toml},
    {"chips/bm1397.toml", bm1397_toml, sizeof bm1397_toml},
    {"scenarios/brown-out.toml", brown_out_toml, sizeof brown_out_toml},
    {"scenarios/dead-chip.toml", dead_chip_toml, sizeof dead_chip_toml},
    {"scenarios/deaf-chip.toml", deaf_chip_toml, sizeof deaf_chip_toml},
    {"scenarios/duplicates.toml", duplicates_toml, sizeof duplicates_toml},
    {"scenarios/noisy-line.toml", noisy_line_toml, sizeof noisy_line_toml},
    {"scenarios/pulled-out.toml", pulled_out_toml, sizeof pulled_out_toml},
    {"scenarios/silent-chip.toml", silent_chip_toml, sizeof silent_chip_toml},
    {"scenarios/slow-link.toml", slow_link_toml, sizeof slow_link_toml},
    {"scenarios/stuck-temperature.toml", stuck_temperature_toml, sizeof stuck_temperature_toml},
    {"scenarios/unasked-values.toml", unasked_values_toml, sizeof unasked_values_toml},
    {"scenarios/wrong-nonces.toml", wrong_nonces_toml, sizeof wrong_nonces_toml},
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
