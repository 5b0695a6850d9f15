/// Numbers found by a hash: 8 bytes a cell, open addressing, at most three quarters full.
///
/// It holds no keys; who asks says whether a number found is the right one.
struct SlotTable: Sendable {
    /// 32 bits of the hash and the number plus one; 0 is an empty cell.
    private var cells: [UInt64] = .init(repeating: 0, count: 16)
    private(set) var count = 0

    var footprint: Int { cells.capacity * 8 }

    private var mask: Int { cells.count - 1 }

    mutating func reserve(_ count: Int) {
        var size = cells.count
        while count * 4 > size * 3 { size *= 2 }
        if size > cells.count { grow(to: size) }
    }

    @inline(__always)
    func first(_ hash: UInt64, where matches: (Int32) -> Bool) -> Int32? {
        let print = hash >> 32
        var at = Int(print) & mask
        while cells[at] != 0 {
            if cells[at] >> 32 == print {
                let number = Int32(truncatingIfNeeded: cells[at] & 0xffff_ffff) - 1
                if matches(number) { return number }
            }
            at = (at + 1) & mask
        }
        return nil
    }

    mutating func insert(_ hash: UInt64, _ number: Int32) {
        if (count + 1) * 4 > cells.count * 3 { grow() }
        place((hash >> 32) << 32 | UInt64(number + 1))
        count += 1
    }

    /// Puts in the numbers from 0 on, one for each hash, up to the first one that is there already. Room for
    /// all must be reserved. Nothing else happens between one and the next, so that waiting for memory overlaps.
    ///
    /// - Parameter matches: whether two numbers under one hash mean the same.
    /// - Returns: how many were put in.
    mutating func insert(_ hashes: [UInt64], unless matches: (Int32, Int32) -> Bool) -> Int {
        precondition((count + hashes.count) * 4 <= cells.count * 3, "no room is reserved")
        let mask = self.mask
        let inserted = cells.withUnsafeMutableBufferPointer { cells in
            for i in hashes.indices {
                let print = hashes[i] >> 32
                let number = Int32(i)
                var at = Int(print) & mask
                while cells[at] != 0 {
                    if cells[at] >> 32 == print,
                        matches(Int32(truncatingIfNeeded: cells[at] & 0xffff_ffff) - 1, number)
                    {
                        return i
                    }
                    at = (at + 1) & mask
                }
                cells[at] = print << 32 | UInt64(number + 1)
            }
            return hashes.count
        }
        count += inserted
        return inserted
    }

    /// Takes out a number that is there under this hash.
    mutating func remove(_ hash: UInt64, _ number: Int32) {
        let cell = (hash >> 32) << 32 | UInt64(number + 1)
        var at = Int(hash >> 32) & mask
        while cells[at] != cell {
            guard cells[at] != 0 else { return }
            at = (at + 1) & mask
        }
        count -= 1
        // Cells behind move up, unless that would put them before their own place.
        var next = (at + 1) & mask
        while cells[next] != 0 {
            let home = Int(cells[next] >> 32) & mask
            if (next - home) & mask >= (next - at) & mask {
                cells[at] = cells[next]
                at = next
            }
            next = (next + 1) & mask
        }
        cells[at] = 0
    }

    private mutating func place(_ cell: UInt64) {
        var at = Int(cell >> 32) & mask
        while cells[at] != 0 { at = (at + 1) & mask }
        cells[at] = cell
    }

    private mutating func grow() { grow(to: 2 * cells.count) }

    private mutating func grow(to size: Int) {
        let old = cells
        cells = .init(repeating: 0, count: size)
        for cell in old where cell != 0 { place(cell) }
    }
}

/// Mixes a number so that nobody who does not know `seed` can choose numbers whose hashes collide.
@inline(__always)
func mixed(_ value: UInt64, seed: UInt64) -> UInt64 {
    let product = (value ^ seed).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15 ^ seed << 1 | 1)
    return product.high ^ product.low
}
