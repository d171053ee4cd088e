import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

/**
 * The roles that functions log in as where the database is Amazon's, by IAM and so without passwords:
 * `kaha_app` reads and writes rows; `kaha_maintenance` owns `messages`, because attaching, detaching and dropping partitions
 * needs its owner. Elsewhere, as on one machine, there is one login and nothing to do.
 *
 * Atomic, and safe to repeat: after each migration it gives the application the tables that are new.
 */
export const provisionRoles = async (db: Kysely<Database>): Promise<void> => {
  await db.transaction().execute(async trx => {
    // Roles belong to the whole server: two migrations must not make them at the same time.
    await sql`select pg_advisory_xact_lock(hashtext('roles of kaha-chat'))`.execute(trx)
    const { rows } = await sql`select 1 from pg_roles where rolname = 'rds_iam'`.execute(trx)
    if (rows.length === 0) return
    for (const name of ['kaha_app', 'kaha_maintenance']) {
      const role = sql.id(name)
      const known = await sql`select 1 from pg_roles where rolname = ${name}`.execute(trx)
      if (known.rows.length === 0) await sql`create role ${role} login`.execute(trx)
      await sql`grant rds_iam to ${role}`.execute(trx)
      await sql`grant usage on schema public to ${role}`.execute(trx)
    }
    // The owner stays able to migrate the table that it gives away.
    await sql`grant kaha_maintenance to current_user`.execute(trx)
    await sql`grant create on schema public to kaha_maintenance`.execute(trx)
    const tables = await sql<{ name: string }>`
      select relname as name from pg_class
      where oid = 'messages'::regclass
        or oid in (select inhrelid from pg_inherits where inhparent = 'messages'::regclass)`.execute(trx)
    for (const { name } of tables.rows) await sql`alter table ${sql.id(name)} owner to kaha_maintenance`.execute(trx)
    await sql`grant select, insert, update, delete on all tables in schema public to kaha_app`.execute(trx)
  })
}
