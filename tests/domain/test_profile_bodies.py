from __future__ import annotations

import json

import pytest

from pipeline.domain.endpoint import BodyChoice
from tests.domain.builders import (
    a_sample,
    an_event,
    rendered,
    shipped_profile,
)

SAVED = (
    '{"Event":"save_calendar_event","Data":{"SyncId":"Local:Event:88213;User:4410",'
    '"StartTime":"2026-03-09T15:00:00","EndTime":"2026-03-09T15:45:00",'
    '"Subject":"On-campus interview: Flanders & Hibbert LLP",'
    '"Body":"Bring two copies of your résumé.","Location":"Room 114",'
    '"OwnerEmailAddress":"lsimpson@springfield.example",'
    '"EmailAddresses":["lsimpson@springfield.example","skinner@springfield.example"]}}'
)
DELETED = (
    '{"Event":"delete_calendar_event",'
    '"Data":{"SyncId":990017,"OwnerEmailAddress":"lsimpson@springfield.example"}}'
)
COMPANY = (
    '{"webhookId":"ep_1","action":"updated","object":"Company","timestamp":"2026-03-02T10:00:00Z",'
    '"current":{"id":70221,"name":"Van Dijk Metselwerken BV","city":"Groningen",'
    '"trades":["masonry"]},"previous":{"id":70221,"name":"Van Dijk Metselwerken",'
    '"city":"Groningen","trades":["masonry"]}}'
)
DOCUMENT = (
    '{"webhookId":"ep_1","action":"created","object":"Document","timestamp":"2026-03-02T10:05:00Z",'
    '"current":{"id":"d-5531","companyId":70221,"name":"VCA-certificaat.pdf","bytes":182044},'
    '"previous":null}'
)
PERSON = (
    '{"event":"person.created","data":{"id":"p-9917","firstName":"Zoë","lastName":"Okafor",'
    '"email":"zoe@acme.example","createdAt":"2026-03-02T10:09:59Z","createdBy":"user_77"},'
    '"timestamp":"2026-03-02T10:10:00Z"}'
)
TWENTY_COMPANY = (
    '{"event":"company.deleted","data":{"id":"c-12","name":"Globex"},'
    '"timestamp":"2026-03-02T10:12:00Z"}'
)
BOOKING = (
    r'{"id":"0d7e7d52-6a3c-4a55-9d0a-2f4d9c6c8a10","state":"confirmed","graph":"confirm_decline",'
    r'"completed":false,"created_at":"2026-03-02T10:58:11+0000",'
    r'"updated_at":"2026-03-02T11:00:00+0000","customers":[{"id":"5f1b","name":"Noor Haddad",'
    r'"email":"noor@example.org","phone":"","voip":"","timezone":"Europe\/Copenhagen","meta":"{}"}],'
    r'"event":{"id":"77aa","what":"Portrait session","where":"Vesterbrogade 9\/2",'
    r'"description":"\u00c6bleskiver afterwards","rsvp":"needsAction","allDay":false,'
    r'"start":"2026-03-05T13:00:00+0000","end":"2026-03-05T14:00:00+0000"},'
    r'"calendar":{"id":"c01","provider":"google","name":"studio@example.org"},'
    r'"attributes":{"customer":{"timezone":"Europe\/Copenhagen"}},'
    r'"user":{"id":"u01","name":"Studio Nine","image":"https:\/\/img.example.org\/u01\/photo.jpg",'
    r'"timezone":"Europe\/Copenhagen"}}'
)
APPOINTMENT = (
    '{"event":"appointment.booking.created","timestamp":"2026-03-02T12:00:00Z","data":'
    '{"uuid":"9b1c","start":"2026-03-10T09:00:00+01:00","end":"2026-03-10T09:30:00+01:00",'
    '"service":{"id":4,"name":"Erstgespräch"},"customer":{"id":311,"first_name":"Jonas",'
    '"last_name":"Frei","email":"jonas@example.ch"},"worker":{"id":12,"name":"Dr. A. Keller"}}}'
)
FLAT_APPOINTMENT = (
    '{"event":"appointment.booking.created","timestamp":"2026-03-02T12:00:00Z","data.uuid":"9b1c",'
    '"data.start":"2026-03-10T09:00:00+01:00","data.end":"2026-03-10T09:30:00+01:00",'
    '"data.service.id":4,"data.service.name":"Erstgespräch","data.customer.id":311,'
    '"data.customer.first_name":"Jonas","data.customer.last_name":"Frei",'
    '"data.customer.email":"jonas@example.ch","data.worker.id":12,'
    '"data.worker.name":"Dr. A. Keller"}'
)
CUSTOMER = (
    '{"event":"customer.deleted","timestamp":"2026-03-02T12:30:00Z","data":{"customer":{"id":311}}}'
)
FLAT_CUSTOMER = (
    '{"event":"customer.deleted","timestamp":"2026-03-02T12:30:00Z","data.customer.id":311}'
)
STANDARD = (
    '{"type":"company.deleted","timestamp":"2026-03-02T10:12:00Z",'
    '"data":{"id":"c-12","name":"Globex"}}'
)
CLOUDEVENT = (
    '{"specversion":"1.0","id":"evt_1","source":"/accounts/bouwgroep-noord",'
    '"type":"Document.created","subject":"company/70221","time":"2026-03-02T10:05:00Z",'
    '"datacontenttype":"application/json","data":{"current":{"id":"d-5531","companyId":70221,'
    '"name":"VCA-certificaat.pdf","bytes":182044},"previous":null}}'
)


@pytest.mark.parametrize(
    ("profile", "body_format", "sample", "body"),
    [
        ("twelve-twenty", None, "twelve-twenty.save_calendar_event.json", SAVED),
        ("twelve-twenty", None, "twelve-twenty.delete_calendar_event.json", DELETED),
        ("twelve-build", None, "twelve-build.company.updated.json", COMPANY),
        ("twelve-build", None, "twelve-build.document.created.json", DOCUMENT),
        ("twenty", None, "twenty.person.created.json", PERSON),
        ("twenty", None, "twenty.company.deleted.json", TWENTY_COMPANY),
        ("timekit", None, "timekit.booking.confirmed.json", BOOKING),
        ("calenso", None, "calenso.appointment.booking.created.json", APPOINTMENT),
        ("calenso", "nested", "calenso.appointment.booking.created.json", APPOINTMENT),
        ("calenso", "flat", "calenso.appointment.booking.created.json", FLAT_APPOINTMENT),
        ("calenso", None, "calenso.customer.deleted.json", CUSTOMER),
        ("calenso", "flat", "calenso.customer.deleted.json", FLAT_CUSTOMER),
        ("standard-webhooks", None, "twenty.company.deleted.json", STANDARD),
        ("cloudevents", None, "twelve-build.document.created.json", CLOUDEVENT),
    ],
)
def test_a_sample_event_is_sent_as_its_contract_says(
    profile: str, body_format: str | None, sample: str, body: str
):
    result = rendered(shipped_profile(profile), a_sample(sample), BodyChoice(format=body_format))
    assert result.body.decode() == body
    expected_type = (
        "application/cloudevents+json" if profile == "cloudevents" else "application/json"
    )
    assert result.content_type == expected_type
    assert result.headers == {}


def test_twelve_build_writes_null_for_what_an_event_does_not_have():
    event = an_event('{"previous":{"id":1}}', type="CompanyRelation.deleted", subject="company/1")
    body = json.loads(rendered(shipped_profile("twelve-build"), event).body)
    assert (body["current"], body["previous"], body["action"]) == (None, {"id": 1}, "deleted")


def test_twenty_rewrites_numbers_as_its_receivers_do_and_keeps_large_integers():
    event = an_event('{"x": 1.0, "y": 1e2, "id": 12345678901234567890, "7": "first"}')
    body = rendered(shipped_profile("twenty"), event).body
    assert body.startswith(
        b'{"event":"person.created","data":{"7":"first","x":1,"y":100,"id":12345678901234567890},'
    )


def test_twelve_twenty_carries_either_kind_of_sync_id_untouched():
    for sync_id in ("9223372036854775807", '"Local:Event:1;User:2"', "1e5"):
        event = an_event(f'{{"SyncId": {sync_id}}}', type="delete_calendar_event")
        body = rendered(shipped_profile("twelve-twenty"), event).body.decode()
        assert body == f'{{"Event":"delete_calendar_event","Data":{{"SyncId":{sync_id}}}}}'
