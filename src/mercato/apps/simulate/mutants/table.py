"""Every planted bug by its name."""

from mercato.apps.simulate.mutants import business, machinery
from mercato.apps.simulate.mutants.planting import Plant

MUTANTS: dict[str, Plant] = {
    plant.__name__: plant
    for plant in (
        machinery.lost_idempotency,
        machinery.forgotten_position,
        machinery.answer_before_commit,
        machinery.events_before_commit,
        machinery.events_without_outbox,
        machinery.answer_not_completed,
        machinery.redo_keeps_half,
        machinery.gap_passed_over,
        machinery.parked_overtaken,
        machinery.stale_document,
        machinery.stale_reply,
        machinery.work_forgotten,
        machinery.tenant_missing_in_key,
        machinery.token_of_another_store,
        machinery.session_outlives_password,
        business.gateway_key_for_each_try,
        business.timeout_is_failure,
        business.late_capture_kept,
        business.paid_order_not_refunded,
        business.refund_not_counted,
        business.hold_released_twice,
        business.cart_open_while_paying,
        business.rounding_lost,
        business.event_told_twice,
        business.orders_never_expire,
        business.mail_believed_sent,
        business.price_rise_unseen,
        business.any_password_fits,
        business.order_expires_early,
        business.wrong_stage,
        business.outdated_change_taken,
        machinery.log_trimmed_to_its_end,
        machinery.key_of_another_body,
        machinery.place_in_line_kept,
        business.paid_order_expires,
        business.hold_not_extended,
        business.paid_twice,
        business.nothing_can_be_paid,
        business.notice_acknowledged_unread,
        business.quote_never_expires,
        business.ordered_lines_stay,
        business.joined_cart_loses_lines,
        business.copied_price_stale,
        business.erased_person_remembered,
    )
}
