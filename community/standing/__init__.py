"""What a person may do in the community: their level, and what was imposed on them."""
