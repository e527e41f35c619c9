"""Is the schema what it was? Two ways to say it, both without the schema `tidemark`.

    before = take(server, "app")
    ...
    assert_same(before, take(server, "app"))

`dump` is pg_dump --schema-only, where the pg_dump at hand is new enough for the server. `catalog` works on every
major: sorted lines from the catalogs, which also show what a dump leaves out (validity of indexes, trigger states).
Columns are numbered among the living ones, so a column that came and went leaves no trace.
"""
import difflib
import os
import subprocess

from harness.server import DEFAULT_BIN

OURS = "('pg_catalog', 'information_schema', 'tidemark')"
FOREIGN = f"n.nspname NOT IN {OURS} AND n.nspname NOT LIKE 'pg\\_%'"

# An object that an extension made is the extension's.
def own(catalog, alias):
    return (f"NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = '{catalog}'::regclass"
            f" AND x.objid = {alias}.oid AND x.deptype = 'e')")


# Aclitems name roles, so their text is stable; their order is not.
def acl(column):
    return f"(SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest({column}) a)"


# (kind, lowest server version, query of name and facts). Every fact is printed as key=value; NULL is left out.
QUERIES = [
    ("schema", 0, f"""
        SELECT quote_ident(n.nspname), json_build_object('owner', n.nspowner::regrole, 'acl', {acl('n.nspacl')},
               'comment', obj_description(n.oid, 'pg_namespace'))
          FROM pg_namespace n WHERE {FOREIGN}"""),
    ("relation", 0, f"""
        SELECT c.oid::regclass::text, json_build_object('kind', c.relkind, 'owner', c.relowner::regrole,
               'persistence', c.relpersistence, 'acl', {acl('c.relacl')},
               'options', (SELECT string_agg(o, ' ' ORDER BY o) FROM unnest(c.reloptions) o),
               'toast', (SELECT string_agg(o, ' ' ORDER BY o) FROM pg_class t, unnest(t.reloptions) o
                         WHERE t.oid = c.reltoastrelid),
               'row_security', c.relrowsecurity, 'forced', c.relforcerowsecurity, 'identity', c.relreplident,
               'tablespace', (SELECT spcname FROM pg_tablespace WHERE oid = c.reltablespace),
               'method', (SELECT amname FROM pg_am WHERE oid = c.relam),
               'of', NULLIF(c.reloftype, 0)::regtype, 'partition', pg_get_expr(c.relpartbound, c.oid),
               'partition_key', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
               'parents', (SELECT string_agg(i.inhparent::regclass::text, ' ' ORDER BY i.inhseqno)
                           FROM pg_inherits i WHERE i.inhrelid = c.oid),
               'comment', obj_description(c.oid, 'pg_class'))
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE {FOREIGN} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND {own('pg_class', 'c')}"""),
    ("column", 0, f"""
        SELECT c.oid::regclass::text || '.' || quote_ident(a.attname), json_build_object(
               'position', row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum),
               'type', format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull,
               'default', pg_get_expr(d.adbin, d.adrelid), 'identity', NULLIF(a.attidentity, ''),
               'generated', NULLIF(a.attgenerated, ''), 'storage', a.attstorage,
               'compression', NULLIF(a.attcompression, ''), 'statistics', NULLIF(a.attstattarget, -1),
               'options', a.attoptions, 'fdw', a.attfdwoptions, 'local', a.attislocal, 'inherited', a.attinhcount,
               'collation', NULLIF(a.attcollation, t.typcollation)::regcollation, 'acl', {acl('a.attacl')},
               'comment', col_description(c.oid, a.attnum))
          FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_type t ON t.oid = a.atttypid
          LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE {FOREIGN} AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
           AND {own('pg_class', 'c')}"""),
    ("index", 0, f"""
        SELECT c.oid::regclass::text, json_build_object('definition', pg_get_indexdef(c.oid), 'valid', i.indisvalid,
               'ready', i.indisready, 'live', i.indislive, 'clustered', i.indisclustered,
               'identity', i.indisreplident, 'immediate', i.indimmediate, 'owner', c.relowner::regrole,
               'tablespace', (SELECT spcname FROM pg_tablespace WHERE oid = c.reltablespace),
               'parent', (SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = c.oid),
               'statistics', (SELECT string_agg(attnum || ':' || attstattarget, ' ' ORDER BY attnum) FROM pg_attribute
                              WHERE attrelid = c.oid AND attstattarget <> -1),
               'comment', obj_description(c.oid, 'pg_class'))
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE {FOREIGN} AND {own('pg_class', 'c')}"""),
    ("constraint", 0, f"""
        SELECT COALESCE(NULLIF(k.conrelid, 0)::regclass::text, k.contypid::regtype::text) || '.' || quote_ident(k.conname),
               json_build_object('definition', pg_get_constraintdef(k.oid), 'type', k.contype,
               'validated', k.convalidated, 'deferrable', k.condeferrable, 'deferred', k.condeferred,
               'local', k.conislocal, 'inherited', k.coninhcount, 'no_inherit', k.connoinherit,
               'index', NULLIF(k.conindid, 0)::regclass, 'comment', obj_description(k.oid, 'pg_constraint'))
          FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
         WHERE {FOREIGN} AND {own('pg_constraint', 'k')}"""),
    ("trigger", 0, f"""
        SELECT t.tgrelid::regclass::text || '.' || CASE WHEN t.tgisinternal
                    THEN COALESCE(k.conname, '') || '/' || t.tgfoid::regproc ELSE quote_ident(t.tgname) END,
               json_build_object('definition', CASE WHEN NOT t.tgisinternal THEN pg_get_triggerdef(t.oid) END,
               'enabled', t.tgenabled, 'comment', obj_description(t.oid, 'pg_trigger'))
          FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_constraint k ON k.oid = t.tgconstraint
         WHERE {FOREIGN}"""),
    ("function", 0, f"""
        SELECT p.oid::regprocedure::text, json_build_object('definition', CASE WHEN p.prokind <> 'a'
                    THEN pg_get_functiondef(p.oid) END, 'owner', p.proowner::regrole, 'acl', {acl('p.proacl')},
               'comment', obj_description(p.oid, 'pg_proc'))
          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE {FOREIGN} AND {own('pg_proc', 'p')}"""),
    ("view", 0, f"""
        SELECT c.oid::regclass::text, json_build_object('definition', pg_get_viewdef(c.oid))
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE {FOREIGN} AND c.relkind IN ('v', 'm') AND {own('pg_class', 'c')}"""),
    ("rule", 0, f"""
        SELECT c.oid::regclass::text || '.' || quote_ident(r.rulename),
               json_build_object('definition', pg_get_ruledef(r.oid), 'enabled', r.ev_enabled)
          FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE {FOREIGN} AND r.rulename <> '_RETURN'"""),
    ("statistics", 0, f"""
        SELECT quote_ident(n.nspname) || '.' || quote_ident(s.stxname),
               json_build_object('definition', pg_get_statisticsobjdef(s.oid), 'target', NULLIF(s.stxstattarget, -1),
               'owner', s.stxowner::regrole, 'comment', obj_description(s.oid, 'pg_statistic_ext'))
          FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE {FOREIGN}"""),
    ("policy", 0, f"""
        SELECT p.polrelid::regclass::text || '.' || quote_ident(p.polname), json_build_object('command', p.polcmd,
               'permissive', p.polpermissive, 'using', pg_get_expr(p.polqual, p.polrelid),
               'check', pg_get_expr(p.polwithcheck, p.polrelid),
               'roles', (SELECT string_agg(CASE r WHEN 0 THEN 'public' ELSE r::regrole::text END, ' ' ORDER BY r)
                         FROM unnest(p.polroles) r), 'comment', obj_description(p.oid, 'pg_policy'))
          FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE {FOREIGN}"""),
    ("publication", 0, """
        SELECT quote_ident(p.pubname), json_build_object('all', p.puballtables, 'insert', p.pubinsert,
               'update', p.pubupdate, 'delete', p.pubdelete, 'truncate', p.pubtruncate, 'root', p.pubviaroot,
               'owner', p.pubowner::regrole) FROM pg_publication p"""),
    ("publication table", 0, """
        SELECT quote_ident(p.pubname) || ' ' || r.prrelid::regclass, json_build_object('member', true)
          FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid"""),
    ("publication columns", 150000, """
        SELECT quote_ident(p.pubname) || ' ' || r.prrelid::regclass, json_build_object(
               'where', pg_get_expr(r.prqual, r.prrelid),
               'columns', (SELECT string_agg(quote_ident(a.attname), ' ' ORDER BY a.attname) FROM pg_attribute a
                           WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs::int2[])))
          FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid"""),
    ("publication schema", 150000, """
        SELECT quote_ident(p.pubname) || ' ' || s.pnnspid::regnamespace, json_build_object('member', true)
          FROM pg_publication_namespace s JOIN pg_publication p ON p.oid = s.pnpubid"""),
    ("sequence", 0, f"""
        SELECT c.oid::regclass::text, json_build_object('type', s.seqtypid::regtype, 'start', s.seqstart,
               'increment', s.seqincrement, 'max', s.seqmax, 'min', s.seqmin, 'cache', s.seqcache, 'cycle', s.seqcycle,
               'owned_by', (SELECT d.refobjid::regclass || '.' || quote_ident(a.attname) || ' ' || d.deptype::text
                            FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')))
          FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE {FOREIGN}"""),
    ("type", 0, f"""
        SELECT t.oid::regtype::text, json_build_object('kind', t.typtype, 'owner', t.typowner::regrole,
               'labels', (SELECT string_agg(quote_literal(e.enumlabel), ' ' ORDER BY e.enumsortorder)
                          FROM pg_enum e WHERE e.enumtypid = t.oid),
               'base', NULLIF(t.typbasetype, 0)::regtype, 'not_null', t.typnotnull, 'default', t.typdefault,
               'acl', {acl('t.typacl')}, 'comment', obj_description(t.oid, 'pg_type'))
          FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
         WHERE {FOREIGN} AND t.typtype IN ('e', 'd', 'r') AND {own('pg_type', 't')}"""),
    ("default acl", 0, f"""
        SELECT d.defaclrole::regrole::text || ' ' || d.defaclnamespace::text || ' ' || d.defaclobjtype::text,
               json_build_object('acl', {acl('d.defaclacl')}) FROM pg_default_acl d"""),
    ("event trigger", 0, """
        SELECT quote_ident(e.evtname), json_build_object('event', e.evtevent, 'function', e.evtfoid::regproc,
               'enabled', e.evtenabled, 'tags', e.evttags) FROM pg_event_trigger e"""),
    ("extension", 0, """
        SELECT quote_ident(e.extname), json_build_object('version', e.extversion,
               'schema', e.extnamespace::regnamespace) FROM pg_extension e"""),
    ("setting", 0, """
        SELECT s.setrole::text || ' ' || s.setdatabase::text, json_build_object('settings', s.setconfig)
          FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = current_database()"""),
]


def catalog(server, database):
    """Sorted lines: kind, name, facts."""
    lines = []
    conn = server.connect(database, application_name="fingerprint", options="-c search_path=")
    try:
        with conn.cursor() as cursor:
            for kind, version, query in QUERIES:
                if conn.server_version < version:
                    continue
                cursor.execute(query)
                for name, facts in cursor.fetchall():
                    told = " ".join(f"{key}={value!r}" for key, value in facts.items() if value is not None)
                    lines.append(f"{kind} {name}: {told}")
    finally:
        conn.close()
    return sorted(lines)


def dump_program(server):
    """A pg_dump that can read this server: its own, or Debian's when that is not older. None: there is none."""
    path = server.tool("pg_dump")
    if not os.path.exists(path):
        return None
    said = subprocess.run([path, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return path if int(said.split()[2].split(".")[0]) >= server.major else None


def dump(server, database, program=None):
    """Text of pg_dump --schema-only, or None where no pg_dump can read the server."""
    path = program or dump_program(server)
    if path is None:
        return None
    helped = subprocess.run([path, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    # Newer minors write a random \restrict key into every dump.
    stable = ["--restrict-key=tidemark"] if "--restrict-key" in helped else []
    done = subprocess.run(
        [path, "--schema-only", "--exclude-schema=tidemark", *stable, database],
        env=server.environment(database), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"pg_dump: {done.stderr}")
    return done.stdout


class Fingerprint:
    def __init__(self, lines, text):
        self.lines, self.text = lines, text

    def __eq__(self, other):
        return self.lines == other.lines and self.text == other.text

    def __hash__(self):
        return hash((tuple(self.lines), self.text))


def take(server, database):
    return Fingerprint(catalog(server, database), dump(server, database))


def difference(before, after):
    """Unified diff of both, empty when nothing differs."""
    parts = list(difflib.unified_diff(before.lines, after.lines, "catalog before", "catalog after", lineterm="", n=0))
    parts += difflib.unified_diff((before.text or "").splitlines(), (after.text or "").splitlines(),
                                  "dump before", "dump after", lineterm="", n=2)
    return "\n".join(parts)


def assert_same(before, after, what="the schema is not what it was"):
    told = difference(before, after)
    if told:
        raise AssertionError(f"{what}\n{told}")
