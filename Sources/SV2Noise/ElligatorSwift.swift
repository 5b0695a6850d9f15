/// The maps between x coordinates of secp256k1 and 64 bytes that look random (BIP 324, "ElligatorSwift").
///
/// An encoding is u and t, 32 big-endian bytes each, both taken modulo p. Any 64 bytes decode to some x.
enum ElligatorSwift {
    /// A square root of -3: the constant c of BIP 324.
    private static let rootOfMinus3 = FieldElement(
        bigEndian: [
            0x0A, 0x2D, 0x2B, 0xA9, 0x35, 0x07, 0xF1, 0xDF, 0x23, 0x37, 0x70, 0xC2, 0xA7, 0x97, 0x96, 0x2C,
            0xC6, 0x1F, 0x6D, 0x15, 0xDA, 0x14, 0xEC, 0xD4, 0x7D, 0x8D, 0x27, 0xAE, 0x1C, 0xD5, 0xF8, 0x52,
        ])
    private static let half = FieldElement(2).inverse
    private static let seven = FieldElement(7)

    /// The x coordinate that 64 bytes stand for.
    static func decode(_ encoding: EllSwiftPublicKey) -> FieldElement {
        decode(
            u: FieldElement(bigEndian: encoding.bytes.prefix(32)),
            t: FieldElement(bigEndian: encoding.bytes.suffix(32)))
    }

    /// XSwiftEC. With X = (u³ + 7 - t²) / 2t and Y = (X + t) / cu its candidates are u + 4Y², (-X/Y - u) / 2
    /// and (X/Y - u) / 2; put into s = u³ + 7 + t² they need only one inversion, of 3t²u²s.
    static func decode(u givenU: FieldElement, t givenT: FieldElement) -> FieldElement {
        let u = givenU.isZero ? .one : givenU
        var t = givenT.isZero ? .one : givenT
        let g = u.squared * u + seven
        if (g + t.squared).isZero { t = t + t }
        let s = g + t.squared
        let threeTU = FieldElement(3) * (t * u).squared
        let inverse = (threeTU * s).inverse
        let x3 = u - s.squared * inverse * s
        if isOnCurve(x: x3) { return x3 }
        let quotient = (g - t.squared) * rootOfMinus3 * u * inverse * threeTU
        let x2 = -(quotient + u) * half
        return isOnCurve(x: x2) ? x2 : (quotient - u) * half
    }

    /// XSwiftECInv: the t that makes (u, t) decode to `x`, for one of eight cases; nil when that case has
    /// none.
    ///
    /// `x` is on the curve, `u` is not 0. Case bits are those of BIP 324.
    static func inverse(x: FieldElement, u: FieldElement, branch: UInt8) -> FieldElement? {
        let g = u.squared * u + seven
        let s: FieldElement
        let v: FieldElement
        if branch & 2 == 0 {
            guard !isOnCurve(x: -(x + u)) else { return nil }
            v = x
            s = -g * (u.squared + u * v + v.squared).inverse
        } else {
            s = x - u
            guard !s.isZero else { return nil }
            let square = -s * (FieldElement(4) * g + FieldElement(3) * s * u.squared)
            guard let r = square.squareRoot, branch & 1 == 0 || !r.isZero else { return nil }
            v = (r * s.inverse - u) * half
        }
        guard let w = s.squareRoot else { return nil }
        let signedRoot = branch & 1 == 0 ? -rootOfMinus3 : rootOfMinus3
        let t = w * (u * (.one + signedRoot) * half + v)
        return branch & 5 == 0 || branch & 5 == 5 ? -t : t
    }

    static func isOnCurve(x: FieldElement) -> Bool { (x.squared * x + seven).squareRoot != nil }
}
