/*
 * Election of one shard.
 *
 * Replicas A and B of a shard whose primary failed (the candidates) ask three
 * voters.  README.md maps every rule to its place here, states the timing
 * assumption and lists the -D switches: most plant a defect; REACH_... inverts a
 * property, to show that the others do not hold merely for lack of behaviour.
 */

#define VOTERS     3
#define CANDIDATES 2
#ifndef EPOCHS
#define EPOCHS     3
#endif
#ifndef CRASHES
#define CRASHES    1                    /* crashes with restart, of any voter */
#endif

mtype = { V3, V2, V1 };                 /* voters: V1 = 1, V2 = 2, V3 = 3 */
#define A        1                      /* candidates */
#define B        2
#define OTHER(c) (3 - (c))
#define NAME(c)  (64 + (c))             /* for %c */
#define BIT(n)   (1 << (n))

/*
 * The network only remembers what was sent.  A message may arrive at any later
 * time, in any order, more than once, or never; so delay, reordering, loss,
 * duplication and retransmission need no transitions of their own.  Requests
 * of ended rounds still arrive.  Acks of ended rounds may be forgotten, since
 * no candidate looks at them.
 */
byte asked[CANDIDATES + 1];             /* epochs for which requests have left (bits)       */
byte acked[CANDIDATES + 1];             /* voters whose ack for this round has left (bits)  */

/* Candidates. */
byte epoch[CANDIDATES + 1];             /* latest epoch, durable before its requests leave  */
bool open[CANDIDATES + 1];              /* the round at that epoch has not ended            */
byte votes[CANDIDATES + 1];             /* voters counted in this round (bits)              */
byte won[CANDIDATES + 1];               /* epoch at which it won, 0 = has not               */

/* Voters. */
#ifdef LEDGER_BY_PRIMARY
/* A and B name different primaries, because one of them missed the shard's last
 * promotion.  Keyed by that name, the ledger has an entry for each. */
#define KEYS 2
#define ENTRY(v, c) ((v) * KEYS + (c) - 1)
#else
#define KEYS 1
#define ENTRY(v, c) (v)
#endif
#define ENTRIES ((VOTERS + 1) * KEYS)
byte ledger_epoch[ENTRIES];             /* in memory: decisions are taken on this           */
byte ledger_candidate[ENTRIES];
byte disk_epoch[ENTRIES];               /* durable: what a restart finds                    */
byte disk_candidate[ENTRIES];
bool waits[ENTRIES];                    /* the granted round may still run                  */
byte abstains[VOTERS + 1];              /* after a restart, for the longest round: candidates
                                           whose round ran then and still does (bits)       */
byte crashes;
#ifdef REACH_RESTARTED
byte restarted, regranted;              /* voters that restarted; that have granted since   */
#define NOTE_RESTART(v) restarted = restarted | BIT(v)
#define NOTE_REGRANT(v) regranted = regranted | (restarted & BIT(v))
#else
#define NOTE_RESTART(v) skip
#define NOTE_REGRANT(v) skip
#endif

/* PROGRESS: at any moment disturbances may end for good; then this candidate,
 * and only it, opens a round, at an epoch that is kept free for it. */
byte calm;
#ifdef PROGRESS
#define CAN_OPEN(c, e) ((calm == 0 && e < EPOCHS) || (calm == c && e == EPOCHS))
#define CAN_END(c)     (calm == 0 || epoch[c] < EPOCHS)
#define CAN_CRASH      (calm == 0)
#else
#define CAN_OPEN(c, e) true
#define CAN_END(c)     true
#define CAN_CRASH      true
#endif

/* ---------------------------------------------------------------- candidate */

#ifdef COUNT_DUPLICATES                 /* counts acks, not voters */
#define COUNTED(c, v)   false
#define ADD_VOTE(c, v)  votes[c]++
#define HAS_MAJORITY(c) (votes[c] >= 2)
#else
#define COUNTED(c, v)   (votes[c] & BIT(v))
#define ADD_VOTE(c, v)  votes[c] = votes[c] | BIT(v)
#define HAS_MAJORITY(c) (votes[c] == (BIT(V1) | BIT(V2)) || votes[c] >= (BIT(V1) | BIT(V3)))
#endif

#ifdef EPOCH_NOT_DURABLE                /* after a restart it uses an epoch again */
#define ABOVE(e, latest) ((e) >= (latest))
#else
#define ABOVE(e, latest) ((e) > (latest))
#endif

inline win(c) {
  won[c] = epoch[c];
  printf("%c WINS at epoch %d\n", NAME(c), epoch[c]);
#if defined(REACH_WIN)
  assert(false);
#elif defined(REACH_TWO_EPOCHS)
  assert(!won[OTHER(c)]);
#elif defined(REACH_RESTARTED)
  assert(!(votes[c] & regranted));
#else
  assert(won[OTHER(c)] != epoch[c]);                  /* S1 one winner per shard and epoch       */
#ifndef ONLY_S1
  assert(won[OTHER(c)] < epoch[c]);                   /* S2 wins come in the order of the epochs */
  assert(!won[OTHER(c)] || !open[OTHER(c)]);          /* S3: not while the first counts */
#endif
#endif
}

/* Any epoch above its own: the model needs no refusals to learn higher ones.
 * A opens first; the candidates are interchangeable. */
#define OPENS(e) \
  :: d_step { e <= EPOCHS && !open[me] && !won[me] && ABOVE(e, epoch[me]) && CAN_OPEN(me, e) && \
              (me == A || epoch[A] || calm) -> \
       printf("%c opens a round at epoch %d and asks all voters\n", NAME(me), e); \
       acked[me] = (e == epoch[me] -> acked[me] : 0); \
       epoch[me] = e; open[me] = true; asked[me] = asked[me] | BIT(e) }

#define COUNTS(v) \
  :: d_step { open[me] && !won[me] && (acked[me] & BIT(v)) && !COUNTED(me, v) -> \
       printf("%c counts the vote of %e\n", NAME(me), v); \
       ADD_VOTE(me, v); \
       if :: HAS_MAJORITY(me) -> win(me) :: else fi }

/* Timing assumption: what a voter waits for, the end of the round it granted or
 * the longest round after a restart, comes only after the candidate has stopped
 * counting.  Here it comes at that moment, the earliest that is possible. */
inline time_passes_at(v, c) {
  waits[ENTRY(v, c)] = waits[ENTRY(v, c)] && ledger_candidate[ENTRY(v, c)] != c;
  abstains[v] = abstains[v] & ~BIT(c)
}

inline end_round(c) {
  printf("%c's round at epoch %d ends\n", NAME(c), epoch[c]);
  open[c] = false;
#ifndef COUNT_ANY_EPOCH
  votes[c] = 0;
#endif
#ifndef EPOCH_NOT_DURABLE
  acked[c] = 0;
#endif
  time_passes_at(V1, c);
  time_passes_at(V2, c);
  time_passes_at(V3, c)
}

proctype Candidate(byte me) {
end:
  do
  OPENS(1) OPENS(2) OPENS(3)
  COUNTS(V1) COUNTS(V2) COUNTS(V3)
  :: d_step { open[me] && CAN_END(me) -> end_round(me) }
  od
}

/* -------------------------------------------------------------------- voter */

#if defined(NO_ROUND_WAIT)
#define BOUND_TO_OTHER(v, c) false
#elif defined(WITHDRAW_ANY_EPOCH) /* a late withdrawal of an earlier round releases this one */
#define BOUND_TO_OTHER(v, c) \
  (waits[ENTRY(v, c)] && ledger_candidate[ENTRY(v, c)] != c && \
   !(asked[ledger_candidate[ENTRY(v, c)]] & (BIT(ledger_epoch[ENTRY(v, c)]) - 1)))
#else
#define BOUND_TO_OTHER(v, c) (waits[ENTRY(v, c)] && ledger_candidate[ENTRY(v, c)] != c)
#endif

#define UNSAVED(v, c) (ledger_epoch[ENTRY(v, c)] != disk_epoch[ENTRY(v, c)])

#define MAY_GRANT(v, c, e) \
  (e > ledger_epoch[ENTRY(v, c)] && !BOUND_TO_OTHER(v, c) && !abstains[v] && !UNSAVED(v, c))

inline acknowledge(v, c) {
  if
  :: open[c] && epoch[c] == ledger_epoch[ENTRY(v, c)] -> acked[c] = acked[c] | BIT(v)
  :: else                               /* too late to be counted */
  fi
}

#define GRANTS(c, e) \
  :: d_step { (asked[c] & BIT(e)) && MAY_GRANT(me, c, e) -> \
       printf("%e grants %c epoch %d\n", me, NAME(c), e); \
       ledger_epoch[ENTRY(me, c)] = e; ledger_candidate[ENTRY(me, c)] = c; \
       waits[ENTRY(me, c)] = open[c] && epoch[c] == e; \
       NOTE_REGRANT(me); \
       BEFORE_DURABLE(acknowledge(me, c)) }

#define SAVES(c) \
  :: d_step { UNSAVED(me, c) && ledger_candidate[ENTRY(me, c)] == c -> \
       printf("%e has saved its grant to %c\n", me, NAME(c)); \
       disk_epoch[ENTRY(me, c)] = ledger_epoch[ENTRY(me, c)]; disk_candidate[ENTRY(me, c)] = c; \
       ONCE_DURABLE(acknowledge(me, c)) }

#ifdef VOTE_BEFORE_DURABLE
#define BEFORE_DURABLE(ack) ack
#define ONCE_DURABLE(ack)   skip
#else
#define BEFORE_DURABLE(ack) skip
#define ONCE_DURABLE(ack)   ack
#endif

#ifdef NO_ABSTENTION
#define ROUNDS_TO_SIT_OUT 0
#else
#define ROUNDS_TO_SIT_OUT (open[A] << A | open[B] << B)
#endif

inline load(entry) {
  ledger_epoch[entry] = disk_epoch[entry];
  ledger_candidate[entry] = disk_candidate[entry];
  waits[entry] = false                  /* when it granted is not on disk */
}

inline restart(v) {
  printf("%e crashes and restarts with epoch %d in its ledger\n", v, disk_epoch[ENTRY(v, A)]);
  crashes++; NOTE_RESTART(v);
  load(ENTRY(v, A));
  load(ENTRY(v, B));                    /* the same entry, unless LEDGER_BY_PRIMARY */
  abstains[v] = ROUNDS_TO_SIT_OUT
}

proctype Voter(mtype me) {
end:
  do
  GRANTS(A, 1) GRANTS(A, 2) GRANTS(A, 3)
  GRANTS(B, 1) GRANTS(B, 2) GRANTS(B, 3)
  SAVES(A) SAVES(B)
  :: d_step { CAN_CRASH && crashes < CRASHES -> restart(me) }
  od
}

#ifdef PROGRESS
proctype Calm() {
  if
  :: d_step { calm = A; printf("calm: A will be the last candidate\n") }
  :: d_step { calm = B; printf("calm: B will be the last candidate\n") }
  fi;
  timeout -> assert(won[A] || won[B])   /* P1: nothing left to happen, so the shard has a winner */
}
#endif

init {
  atomic {
    run Voter(V1); run Voter(V2); run Voter(V3);
    run Candidate(A); run Candidate(B)
#ifdef PROGRESS
    ; run Calm()
#endif
  }
}
