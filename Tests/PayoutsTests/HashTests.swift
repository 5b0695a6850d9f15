import BitcoinPrimitives
import Testing

@testable import Payouts

/// The test values of RIPEMD-160's publication, and three more around the block boundary (by OpenSSL).
private let digests: [(text: String, digest: String)] = [
    ("", "9c1185a5c5e9fc54612808977ee8f548b2258d31"),
    ("a", "0bdc9d2d256b3ee9daae347be6f4dc835a467ffe"),
    ("abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
    ("message digest", "5d0689ef49d2fae572b881b123a85ffa21595f36"),
    ("abcdefghijklmnopqrstuvwxyz", "f71c27109c692c1b56bbdceb5b9d2865b3708dbc"),
    (String(repeating: "1234567890", count: 8), "9b752e45573d4b39f4dbd3323cab82bf63326bfb"),
    (String(repeating: "x", count: 55), "c35538a4ab9792cab98479aa3ae2cc435c699b64"),
    (String(repeating: "x", count: 56), "af13b5ead9b74a9a6b97c4a612ddfd0baf61ff11"),
    (String(repeating: "x", count: 64), "bab3f04cc25d952a882718636600f5b22307ac41"),
]

@Test(arguments: digests)
func `RIPEMD-160 gives the published digests`(text: String, digest: String) {
    #expect(RIPEMD160.hash(Array(text.utf8)).hex == digest)
}
