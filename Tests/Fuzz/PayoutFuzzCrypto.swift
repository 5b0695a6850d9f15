// The module Crypto for the fuzzer of payouts, which is built without packages: as much of it as Payouts uses. It is no
// HMAC: any 64 bytes that follow from key and message will do where no vector is checked.

import BitcoinPrimitives

public enum SHA512 {}

public struct SymmetricKey {
    let bytes: [UInt8]
    public init(data: [UInt8]) { bytes = data }
}

public enum HMAC<Hash> {
    public static func authenticationCode(for message: [UInt8], using key: SymmetricKey) -> [UInt8] {
        let left = sha256(key.bytes + message)
        return left + sha256(left + key.bytes)
    }
}
