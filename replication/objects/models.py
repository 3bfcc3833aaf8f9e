"""The rows of the object store: contents by name, their sealed parts, and the key by which they are named."""

from __future__ import annotations

from django.db import models


class StoredContent(models.Model):
    """One content. `name` (an HMAC of its id) is empty while it is being written, and again once it was given up.
    `head` has the wrapped data key. `size`: bytes of content. `secret`: every put of it said so. `used_at` is by the
    database's clock."""

    name = models.BinaryField(max_length=32, unique=True, null=True)
    head = models.BinaryField(default=b"")
    size = models.BigIntegerField(default=0)
    secret = models.BooleanField()
    used_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"content #{self.pk}"


class ContentPart(models.Model):
    """One sealed part of a content; the first is number 0."""

    content = models.ForeignKey(StoredContent, on_delete=models.CASCADE, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("content", "number"), name="part_once"),)

    def __str__(self) -> str:
        return f"part {self.number} of content #{self.content_id}"


class NameKey(models.Model):
    """The key of all names, wrapped. There is one row."""

    wrapped = models.BinaryField()

    def __str__(self) -> str:
        return "name key"
