// libsecp256k1 of Bitcoin Core's authors: scalar multiplication, x-only keys and BIP 340 signatures.
// The ElligatorSwift module is not in the version that Debian 12 packages; SV2Noise has its own maps.
#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_schnorrsig.h>
