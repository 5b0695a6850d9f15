import Glibc

extension FileCalls {
    func writeAll(_ bytes: [UInt8], to file: CInt) throws(FileCallError) {
        var rest = bytes[...]
        while !rest.isEmpty { rest = rest.dropFirst(try write(rest, to: file)) }
    }

    /// A file's content; `nil` when there is no file.
    func content(of path: String, limit: Int) throws(StateFault) -> [UInt8]? {
        let file: CInt
        do throws(FileCallError) {
            file = try open(path, for: .reading)
        } catch  where error.errno == ENOENT {
            return nil
        } catch {
            throw StateFault(error, path)
        }
        defer { try? close(file) }
        var bytes = [UInt8]()
        do throws(FileCallError) {
            while bytes.count <= limit {
                let more = try read(min(1 << 20, limit + 1 - bytes.count), from: file)
                if more.isEmpty { return bytes }
                bytes += more
            }
        } catch {
            throw StateFault(error, path)
        }
        throw .tooLarge(path: path, limit: limit)
    }

    func syncFolder(_ folder: String) throws(FileCallError) {
        let file = try open(folder, for: .folder)
        defer { try? close(file) }
        try sync(file)
    }
}
