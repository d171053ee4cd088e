import { type Kysely, sql } from 'kysely'

/**
 * What `GET /sync` compares snapshots with, beside `changed_xid`.
 *
 * `sync_epoch` names the history of transactions that tokens speak of. Restored from a backup, or moved to another server by
 * dump or logical replication, a database gives out transaction ids again that tokens know already: then renew it, and all
 * clients load anew (`update sync_epoch set id = gen_random_uuid()`).
 *
 * Of a participant `changed_xid` says that something changed, these say what: `joined_xid` that the participation began,
 * `left_xid` that one ended (it stays when the user joins again), `read_xid` that the read position moved. A trigger keeps
 * them, because several places write participants, sends among them, and a client would lose what one of them forgets.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table sync_epoch (
      only_row boolean primary key default true check (only_row),
      id uuid not null default gen_random_uuid()
    )`.execute(db)
  await sql`insert into sync_epoch default values`.execute(db)

  // Who is there already has been since before any token: 3 is the first transaction of a database.
  await sql`
    alter table participants
      add column joined_xid xid8 not null default '3',
      add column left_xid xid8,
      add column read_xid xid8`.execute(db)
  await sql`alter table participants alter column joined_xid set default pg_current_xact_id()`.execute(db)

  await sql`
    create function note_participant_change() returns trigger language plpgsql as $$
    begin
      if new.last_read_seq <> old.last_read_seq then
        new.read_xid := pg_current_xact_id();
      end if;
      if old.left_at is null and new.left_at is not null then
        new.left_xid := pg_current_xact_id();
      end if;
      if old.left_at is not null and new.left_at is null then
        new.joined_xid := pg_current_xact_id();
      end if;
      return new;
    end
    $$`.execute(db)
  await sql`
    create trigger note_participant_change before update on participants for each row
      when (old.last_read_seq <> new.last_read_seq or old.left_at is distinct from new.left_at)
      execute function note_participant_change()`.execute(db)

  // By conversation as well, so that a user's conversations can be walked through in order, page by page.
  await sql`drop index conversations_of_a_user`.execute(db)
  await sql`
    create index conversations_of_a_user on participants (user_id, conversation_id) where left_at is null`.execute(db)
  await sql`
    create index conversations_left_by_a_user on participants (user_id, left_xid) where left_xid is not null`.execute(
    db,
  )
  await sql`
    create index deletions_of_a_conversation on messages (conversation_id, changed_xid)
      where deleted_at is not null`.execute(db)
}
