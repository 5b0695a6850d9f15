import TestSupport
import Testing

@testable import SV2Noise

/// Sums, products and inverses computed with Python's integers. The rows stand at the edges of the reduction:
/// p - 1, a product that needs both folds, a number that is p when it comes in.
private let arithmetic: [(left: String, right: String, sum: String, product: String, inverse: String)] = [
    (
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2e",
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2e",
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2d",
        "0000000000000000000000000000000000000000000000000000000000000001",
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2e"
    ),
    (
        "d23f0824128b2f330c5c7fd0a6a3a4506513270e269e0d37f2a74de452e6b438",
        "36f675cc81e74ef5e8e25d940ed904759531985d5d9dc9f81818e811892f902b",
        "09357df094727e28f53edd64b57ca8c5fa44bf6b843bd7300ac035f6dc164834",
        "dd756326b2cb45f901de9bae5c09657a54458c0666e3dd27f2a82bcdbc448cf7",
        "e03b6ae236ffbff83f3bc20e62f9126ae78143c86e5d1857e7fb87c65d62b90e"
    ),
    (
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2d",
        "00000000000000000000000000000000000000000000000000000001000003ce",
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffcfffff48f",
        "be4316dba038daad273e4bda627ecf687c8941a534b5ba270b2a4b24b07e6798"
    ),
    (
        "ffffffffffffffffffffffffffffffff00000000000000000000000000000000",
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffe00000000",
        "fffffffffffffffffffffffffffffffeffffffffffffffffffffffff000003d1",
        "000000000000000000000000fffffc2effffffffffffffff00000000000e90a1",
        "7e1a3481f8c9f47a5a308de1ff1b1b813acc5880d4ee94d4326896ff53261a4f"
    ),
]

@Test(arguments: arithmetic)
func `field arithmetic agrees with big integers`(
    left: String, right: String, sum: String, product: String, inverse: String
) {
    let a = FieldElement(bigEndian: hex(left))
    let b = FieldElement(bigEndian: hex(right))
    #expect((a + b).bigEndian == hex(sum))
    #expect((a * b).bigEndian == hex(product))
    #expect(a.inverse.bigEndian == hex(inverse))
    #expect(a - b + b == a)
    #expect((a - a).isZero && (-a + a).isZero)
}

@Test func `the prime itself is zero`() {
    let prime = hex("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f")
    #expect(FieldElement(bigEndian: prime).isZero)
    #expect(FieldElement.zero.inverse.isZero)
}

@Test func `of a number and its negative exactly one has a square root`() throws {
    for value in (2...40).map({ FieldElement($0) }) {
        let roots = [value.squareRoot, (-value).squareRoot]
        #expect(roots.count { $0 != nil } == 1)
        let root = try #require(roots[0] ?? roots[1])
        #expect(root.squared == value || root.squared == -value)
    }
}
