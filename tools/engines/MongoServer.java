// Speaks MongoDB's protocol for tests: java -cp 'lib/*' MongoServer.java PORT FILE

import de.bwaldvogel.mongo.MongoBackend;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;
import java.util.List;
import java.util.Locale;
import java.util.Set;

class Launch {
    public static void main(String[] arguments) throws InterruptedException {
        int port = Integer.parseInt(arguments[0]);
        MongoBackend backend = new KeepingBackend(arguments[1]);
        backend.version(new ClaimedVersion());
        MongoServer server = new MongoServer(backend);
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdown));
        server.bind("127.0.0.1", port);
        Thread.currentThread().join();
    }
}

/** What was written is in the file before it is acknowledged, so that it outlives a process that is killed. */
class KeepingBackend extends H2Backend {
    private static final Set<String> WRITING = Set.of(
        "create", "createindexes", "delete", "drop", "dropdatabase", "dropindexes", "findandmodify", "insert", "update");

    KeepingBackend(String file) {
        super(file);
    }

    @Override
    public Document handleCommand(Channel channel, String database, String command, Document query) {
        String known = command.equals("hello") ? "isMaster" : command; // the old name is the only one it knows
        Document reply = super.handleCommand(channel, database, known, query);
        if (WRITING.contains(command.toLowerCase(Locale.ROOT))) {
            getMvStore().commit();
        }
        return reply;
    }
}

/** What today's drivers ask for at least. It tells nothing about what this server can do. */
class ClaimedVersion implements MongoVersion {
    @Override
    public List<Integer> getVersionArray() {
        return List.of(5, 0, 0);
    }

    @Override
    public int getWireVersion() {
        return 13;
    }
}
