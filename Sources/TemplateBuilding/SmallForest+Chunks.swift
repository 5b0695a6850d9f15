// From the trees to an order: chunks into their smallest parts, parts by rate, members parents first.
extension SmallForest {
    private struct Part {
        var fee: Int64
        var size: Int64
        var members: UInt64
        var above: UInt64

        var lowest: Int { members.trailingZeroBitCount }
    }

    mutating func emit(into result: inout Linearisation) {
        var parts = [Part]()
        parts.reserveCapacity(count)
        var chunks = heads()
        while chunks != 0 {
            let chunk = chunks.trailingZeroBitCount
            chunks &= chunks - 1
            appendParts(of: chunk, to: &parts)
        }
        parts.sort { a, b in
            if isRate(a.fee, a.size, above: b.fee, b.size) { return true }
            if isRate(b.fee, b.size, above: a.fee, a.size) { return false }
            return a.size != b.size ? a.size < b.size : a.lowest < b.lowest
        }
        var done: UInt64 = 0
        var start = 0
        while start < parts.count {
            var end = start + 1
            while end < parts.count,
                !isRate(parts[start].fee, parts[start].size, above: parts[end].fee, parts[end].size)
            { end += 1 }
            emit(&parts, start..<end, after: &done, into: &result)
            start = end
        }
    }

    /// Parts of one rate: those first whose parents are out, in the order in which they are sorted.
    private func emit(
        _ parts: inout [Part], _ run: Range<Int>, after done: inout UInt64, into result: inout Linearisation
    ) {
        var start = run.lowerBound
        while start < run.upperBound {
            guard let ready = (start..<run.upperBound).first(where: { parts[$0].above & ~done == 0 }) else {
                preconditionFailure("a chunk depends on a later one")
            }
            let part = parts.remove(at: ready)
            parts.insert(part, at: start)
            start += 1
            emit(part.members, after: &done, into: &result)
            result.chunkLengths.append(Int32(part.members.nonzeroBitCount))
        }
    }

    private func emit(_ set: UInt64, after done: inout UInt64, into result: inout Linearisation) {
        var rest = set
        while rest != 0 {
            var scan = rest
            while scan != 0 {
                let i = scan.trailingZeroBitCount
                scan &= scan - 1
                guard parents[i] & ~done == 0 else { continue }
                result.order.append(Int32(i))
                done |= 1 << UInt64(i)
                rest &= ~(1 << UInt64(i))
            }
        }
    }

    private mutating func appendParts(of chunk: Int, to parts: inout [Part]) {
        var rest = members[chunk]
        span(chunk)
        guard let reach = reachWithin(chunk) else {
            parts.append(part(of: rest))
            return
        }
        while rest != 0 {
            let i = rest.trailingZeroBitCount
            var together: UInt64 = 1 << UInt64(i)
            var candidates = reach[i] & rest & ~together
            while candidates != 0 {
                let j = candidates.trailingZeroBitCount
                candidates &= candidates - 1
                if reach[j] >> UInt64(i) & 1 == 1 { together |= 1 << UInt64(j) }
            }
            parts.append(part(of: together))
            rest &= ~together
        }
    }

    /// For each member what must come no later than it; `nil` when all hold together.
    private func reachWithin(_ chunk: Int) -> [64 of UInt64]? {
        var reach: [64 of UInt64] = parents
        var isWhole = true
        var next = 1
        while next < tree.count {
            let node = Int(tree.order[next])
            next += 1
            // Where nothing is carried over a dependency, the parent's side can go first.
            if excess(node, of: chunk) == 0 {
                isWhole = false
                continue
            }
            let other = Int(tree.up[node])
            let nodeIsParent = activeChildren[node] >> UInt64(other) & 1 == 1
            let (parent, child) = nodeIsParent ? (node, other) : (other, node)
            reach[parent] |= 1 << UInt64(child)
        }
        if isWhole { return nil }
        let all = members[chunk]
        var over = all
        while over != 0 {
            let k = over.trailingZeroBitCount
            over &= over - 1
            var each = all
            while each != 0 {
                let i = each.trailingZeroBitCount
                each &= each - 1
                if reach[i] >> UInt64(k) & 1 == 1 { reach[i] |= reach[k] }
            }
        }
        return reach
    }

    private func part(of set: UInt64) -> Part {
        var part = Part(fee: 0, size: 0, members: set, above: 0)
        var rest = set
        while rest != 0 {
            let i = rest.trailingZeroBitCount
            rest &= rest - 1
            part.fee += fees[i]
            part.size += sizes[i]
            part.above |= parents[i]
        }
        part.above &= ~set
        return part
    }
}
