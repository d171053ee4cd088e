import { type Kysely, sql } from 'kysely'

/**
 * Who sent the newest message stands beside it: whoever acknowledges it needs no look at the messages, which costs more than all
 * the rest of the statement (docs/decisions/0026). Null until the next message. Each form of `send_message` stays as it is, but for
 * this.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table conversations add column last_sender_id uuid`.execute(db)
  await sql`
    do $$
    declare
      v_before text;
      v_after text;
    begin
      for v_before in
        select pg_get_functiondef(oid) from pg_proc
        where proname = 'send_message' and pronamespace = current_schema()::regnamespace
      loop
        v_after := replace(v_before, 'last_message_id = p_id,', 'last_message_id = p_id, last_sender_id = p_sender_id,');
        if v_after = v_before then raise exception 'send_message is not as it was expected'; end if;
        execute v_after;
      end loop;
    end
    $$`.execute(db)
}
