import { type Kysely, sql } from 'kysely'

/**
 * Business chat: businesses, their agents, what a business conversation has beside every other, and sending in one.
 *
 * Whatever decides who takes a conversation holds the lock of its `businesses` row, so the decisions of one business come one
 * after the other. Locks are taken in this order everywhere: business, conversation, the rest.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table businesses (
      id uuid primary key,
      strategy text not null default 'round_robin' check (strategy in ('round_robin', 'least_busy')),
      auto_reply text,
      hours jsonb,
      assignment_count bigint not null default 0,
      created_at timestamptz(3) not null
    )`.execute(db)

  await sql`
    create table agents (
      business_id uuid not null references businesses,
      agent_id uuid not null references users,
      max_concurrent_chats smallint not null default 5 check (max_concurrent_chats between 1 and 20),
      skills text[] not null default '{}',
      is_available boolean not null default true,
      added_at timestamptz(3) not null,
      last_assignment bigint not null default 0,
      primary key (business_id, agent_id)
    )`.execute(db)
  await sql`create index businesses_of_an_agent on agents (agent_id)`.execute(db)

  // 0 is the most urgent, so that the order of the inbox and of the queue is ascending in every column.
  await sql`
    create table business_conversations (
      conversation_id uuid primary key references conversations,
      business_id uuid not null references businesses,
      customer_id uuid not null references users,
      status text not null check (status in ('queued', 'assigned', 'closed')),
      agent_id uuid,
      priority_rank smallint not null check (priority_rank between 0 and 3),
      category text,
      opened_at timestamptz(3) not null,
      queued_at timestamptz(3) not null,
      assigned_at timestamptz(3),
      answered_at timestamptz(3),
      first_response_at timestamptz(3),
      first_response_by uuid,
      closed_at timestamptz(3),
      is_told_to_wait boolean not null default false,
      constraint assigned_has_an_agent check ((status = 'assigned') <= (agent_id is not null)),
      constraint queued_has_no_agent check ((status = 'queued') <= (agent_id is null))
    )`.execute(db)
  await sql`
    create unique index one_open_conversation_for_each_customer on business_conversations (business_id, customer_id)
      where status <> 'closed'`.execute(db)
  await sql`create index business_customers on business_conversations (business_id, customer_id)`.execute(db)
  await sql`
    create index business_queue on business_conversations (business_id, priority_rank, queued_at, conversation_id)
      where status = 'queued'`.execute(db)
  await sql`
    create index business_inbox on business_conversations (
      business_id, (case status when 'queued' then 0 when 'assigned' then 1 else 2 end),
      priority_rank, queued_at, conversation_id
    )`.execute(db)
  await sql`
    create index business_chats_of_an_agent on business_conversations (business_id, agent_id)
      where status = 'assigned'`.execute(db)
  await sql`
    create index business_chats_without_an_answer on business_conversations (business_id)
      where status = 'assigned' and answered_at is null`.execute(db)

  /**
   * As before, and of a business conversation: a token of the business may send without being a participant
   * (`p_business_id`), the first message of an agent is noted as their answer, and a customer's message in a closed one is
   * refused with KC409, because opening it again needs the business' lock, which comes before the conversation's. A `system`
   * message is the service's own: it comes from the business and moves nobody's read position. `business_id` is null for other
   * types.
   */
  await sql`drop function send_message`.execute(db)
  await sql`
    create function send_message(
      p_id uuid, p_conversation_id uuid, p_sender_id uuid, p_type text, p_content text, p_metadata json, p_now timestamptz,
      p_business_id uuid default null
    ) returns table (seq bigint, sent_at timestamptz, recipients uuid[], business_id uuid)
    language plpgsql volatile as $$
    declare
      v_seq bigint;
      v_sent_at timestamptz;
      v_type text;
      v_is_participant boolean;
      v_chat business_conversations%rowtype;
    begin
      -- The time never runs backwards within a conversation, whichever machine's clock it came from.
      update conversations c
        set last_seq = c.last_seq + 1,
            last_message_id = p_id,
            last_activity_at = greatest(c.last_activity_at, p_now),
            changed_xid = pg_current_xact_id()
        where c.id = p_conversation_id
        returning c.last_seq, c.last_activity_at, c.type into v_seq, v_sent_at, v_type;

      if v_type = 'business' then
        select * into v_chat from business_conversations b where b.conversation_id = p_conversation_id;
      end if;

      if p_type <> 'system' then
        update participants p
          set last_read_seq = v_seq, changed_xid = pg_current_xact_id()
          where p.conversation_id = p_conversation_id and p.user_id = p_sender_id and p.left_at is null;
        v_is_participant := found;
        if not v_is_participant and not coalesce(p_business_id = v_chat.business_id, false) then
          raise exception 'not a participant' using errcode = 'KC404';
        end if;
      end if;

      insert into messages (id, conversation_id, seq, sender_id, type, content, metadata, sent_at)
        values (p_id, p_conversation_id, v_seq, p_sender_id, p_type, p_content, p_metadata, v_sent_at);

      if v_type = 'business' and p_type <> 'system' then
        if v_chat.status = 'closed' and p_sender_id = v_chat.customer_id then
          raise exception 'the conversation is closed' using errcode = 'KC409';
        end if;
        if p_sender_id = v_chat.agent_id and v_chat.answered_at is null then
          update business_conversations b
            set answered_at = v_sent_at,
                is_told_to_wait = false,
                first_response_at = coalesce(b.first_response_at, v_sent_at),
                first_response_by = coalesce(b.first_response_by, p_sender_id)
            where b.conversation_id = p_conversation_id;
        elsif not v_is_participant and v_chat.first_response_at is null then
          update business_conversations b
            set first_response_at = v_sent_at, first_response_by = p_sender_id
            where b.conversation_id = p_conversation_id;
        end if;
      end if;

      return query
        select v_seq, v_sent_at, array(
          select p.user_id from participants p where p.conversation_id = p_conversation_id and p.left_at is null
        ), v_chat.business_id;
    end
    $$`.execute(db)
}
