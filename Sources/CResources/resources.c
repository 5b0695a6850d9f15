#include "CResources.h"

#include <string.h>

// #embed is C23; the compiler of the toolchain has it in every C mode and says so.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char antminer_s19_pro_toml[] = {
#embed "../../Hardware/boards/antminer-s19-pro.toml"
};

static const unsigned char antminer_s19_xp_toml[] = {
#embed "../../Hardware/boards/antminer-s19-xp.toml"
};

static const unsigned char antminer_s19j_pro_toml[] = {
#embed "../../Hardware/boards/antminer-s19j-pro.toml"
};

static const unsigned char antminer_s19k_pro_toml[] = {
#embed "../../Hardware/boards/antminer-s19k-pro.toml"
};

static const unsigned char antminer_s21_pro_toml[] = {
#embed "../../Hardware/boards/antminer-s21-pro.toml"
};

static const unsigned char antminer_s21_xp_toml[] = {
#embed "../../Hardware/boards/antminer-s21-xp.toml"
};

static const unsigned char antminer_s21_toml[] = {
#embed "../../Hardware/boards/antminer-s21.toml"
};

static const unsigned char antminer_s9_toml[] = {
#embed "../../Hardware/boards/antminer-s9.toml"
};

static const unsigned char bitaxe_gamma_duo_toml[] = {
#embed "../../Hardware/boards/bitaxe-gamma-duo.toml"
};

static const unsigned char bitaxe_gamma_toml[] = {
#embed "../../Hardware/boards/bitaxe-gamma.toml"
};

static const unsigned char bitaxe_gt_toml[] = {
#embed "../../Hardware/boards/bitaxe-gt.toml"
};

static const unsigned char bitaxe_hex_toml[] = {
#embed "../../Hardware/boards/bitaxe-hex.toml"
};

static const unsigned char bitaxe_max_toml[] = {
#embed "../../Hardware/boards/bitaxe-max.toml"
};

static const unsigned char bitaxe_supra_402_toml[] = {
#embed "../../Hardware/boards/bitaxe-supra-402.toml"
};

static const unsigned char bitaxe_supra_toml[] = {
#embed "../../Hardware/boards/bitaxe-supra.toml"
};

static const unsigned char bitaxe_suprahex_toml[] = {
#embed "../../Hardware/boards/bitaxe-suprahex.toml"
};

static const unsigned char bitaxe_ultra_207_toml[] = {
#embed "../../Hardware/boards/bitaxe-ultra-207.toml"
};

static const unsigned char bitaxe_ultra_toml[] = {
#embed "../../Hardware/boards/bitaxe-ultra.toml"
};

static const unsigned char emberone00_toml[] = {
#embed "../../Hardware/boards/emberone00.toml"
};

static const unsigned char gekko_compac_a1_toml[] = {
#embed "../../Hardware/boards/gekko-compac-a1.toml"
};

static const unsigned char gekko_compac_a2_toml[] = {
#embed "../../Hardware/boards/gekko-compac-a2.toml"
};

static const unsigned char gekko_compac_f_toml[] = {
#embed "../../Hardware/boards/gekko-compac-f.toml"
};

static const unsigned char gekko_r909_toml[] = {
#embed "../../Hardware/boards/gekko-r909.toml"
};

static const unsigned char nerdaxe_gamma_toml[] = {
#embed "../../Hardware/boards/nerdaxe-gamma.toml"
};

static const unsigned char nerdaxe_toml[] = {
#embed "../../Hardware/boards/nerdaxe.toml"
};

static const unsigned char nerdeko_toml[] = {
#embed "../../Hardware/boards/nerdeko.toml"
};

static const unsigned char nerdhaxe_gamma_toml[] = {
#embed "../../Hardware/boards/nerdhaxe-gamma.toml"
};

static const unsigned char nerdoctaxe_gamma_toml[] = {
#embed "../../Hardware/boards/nerdoctaxe-gamma.toml"
};

static const unsigned char nerdoctaxe_plus_toml[] = {
#embed "../../Hardware/boards/nerdoctaxe-plus.toml"
};

static const unsigned char nerdqaxe_plus_toml[] = {
#embed "../../Hardware/boards/nerdqaxe-plus.toml"
};

static const unsigned char nerdqaxe_plusplus_toml[] = {
#embed "../../Hardware/boards/nerdqaxe-plusplus.toml"
};

static const unsigned char nerdqx_toml[] = {
#embed "../../Hardware/boards/nerdqx.toml"
};

static const unsigned char q1370_toml[] = {
#embed "../../Hardware/boards/q1370.toml"
};

static const unsigned char q1373_toml[] = {
#embed "../../Hardware/boards/q1373.toml"
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
    {"boards/antminer-s19-pro.toml", antminer_s19_pro_toml, sizeof antminer_s19_pro_toml},
    {"boards/antminer-s19-xp.toml", antminer_s19_xp_toml, sizeof antminer_s19_xp_toml},
    {"boards/antminer-s19j-pro.toml", antminer_s19j_pro_toml, sizeof antminer_s19j_pro_toml},
    {"boards/antminer-s19k-pro.toml", antminer_s19k_pro_toml, sizeof antminer_s19k_pro_toml},
    {"boards/antminer-s21-pro.toml", antminer_s21_pro_toml, sizeof antminer_s21_pro_toml},
    {"boards/antminer-s21-xp.toml", antminer_s21_xp_toml, sizeof antminer_s21_xp_toml},
    {"boards/antminer-s21.toml", antminer_s21_toml, sizeof antminer_s21_toml},
    {"boards/antminer-s9.toml", antminer_s9_toml, sizeof antminer_s9_toml},
    {"boards/bitaxe-gamma-duo.toml", bitaxe_gamma_duo_toml, sizeof bitaxe_gamma_duo_toml},
    {"boards/bitaxe-gamma.toml", bitaxe_gamma_toml, sizeof bitaxe_gamma_toml},
    {"boards/bitaxe-gt.toml", bitaxe_gt_toml, sizeof bitaxe_gt_toml},
    {"boards/bitaxe-hex.toml", bitaxe_hex_toml, sizeof bitaxe_hex_toml},
    {"boards/bitaxe-max.toml", bitaxe_max_toml, sizeof bitaxe_max_toml},
    {"boards/bitaxe-supra-402.toml", bitaxe_supra_402_toml, sizeof bitaxe_supra_402_toml},
    {"boards/bitaxe-supra.toml", bitaxe_supra_toml, sizeof bitaxe_supra_toml},
    {"boards/bitaxe-suprahex.toml", bitaxe_suprahex_toml, sizeof bitaxe_suprahex_toml},
    {"boards/bitaxe-ultra-207.toml", bitaxe_ultra_207_toml, sizeof bitaxe_ultra_207_toml},
    {"boards/bitaxe-ultra.toml", bitaxe_ultra_toml, sizeof bitaxe_ultra_toml},
    {"boards/emberone00.toml", emberone00_toml, sizeof emberone00_toml},
    {"boards/gekko-compac-a1.toml", gekko_compac_a1_toml, sizeof gekko_compac_a1_toml},
    {"boards/gekko-compac-a2.toml", gekko_compac_a2_toml, sizeof gekko_compac_a2_toml},
    {"boards/gekko-compac-f.toml", gekko_compac_f_toml, sizeof gekko_compac_f_toml},
    {"boards/gekko-r909.toml", gekko_r909_toml, sizeof gekko_r909_toml},
    {"boards/nerdaxe-gamma.toml", nerdaxe_gamma_toml, sizeof nerdaxe_gamma_toml},
    {"boards/nerdaxe.toml", nerdaxe_toml, sizeof nerdaxe_toml},
    {"boards/nerdeko.toml", nerdeko_toml, sizeof nerdeko_toml},
    {"boards/nerdhaxe-gamma.toml", nerdhaxe_gamma_toml, sizeof nerdhaxe_gamma_toml},
    {"boards/nerdoctaxe-gamma.toml", nerdoctaxe_gamma_toml, sizeof nerdoctaxe_gamma_toml},
    {"boards/nerdoctaxe-plus.toml", nerdoctaxe_plus_toml, sizeof nerdoctaxe_plus_toml},
    {"boards/nerdqaxe-plus.toml", nerdqaxe_plus_toml, sizeof nerdqaxe_plus_toml},
    {"boards/nerdqaxe-plusplus.toml", nerdqaxe_plusplus_toml, sizeof nerdqaxe_plusplus_toml},
    {"boards/nerdqx.toml", nerdqx_toml, sizeof nerdqx_toml},
    {"boards/q1370.toml", q1370_toml, sizeof q1370_toml},
    {"boards/q1373.toml", q1373_toml, sizeof q1373_toml},
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
